"""A Flow over HTTP."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from containerflow.client.address import Address
from containerflow.client.description import EndpointDescription, FlowDescription
from containerflow.client.transport import (
    GRACE_SECONDS,
    QUESTION_SECONDS,
    Answer,
    other_protocol,
    too_late,
    unreachable,
)
from containerflow.errors import Code, RequestError
from containerflow.wire.body import JSON
from containerflow.wire.names import REQUEST_ID_HEADER, TIMEOUT_HEADER

_HTTP2_GREETING = r"b'\x00\x00"
"""How a server of HTTP/2 begins, as it stands in the complaint of a parser of HTTP/1: the length of
its SETTINGS frame (RFC 9113, section 3.4)."""

_STATUSES = {code.value: code for code in Code}
_CONNECT_SECONDS = 10.0
_EXCERPT = 300
"""Characters of an answer that is not ours to show in an error."""


class HttpTransport:
    """Speaks HTTP to one address.

    Args:
        address: Of the Gateway.
    """

    codec = JSON

    def __init__(self, address: Address) -> None:
        self._address = address
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def call(self, endpoint: str, body: bytes, request_id: str, timeout: float) -> Answer:
        """POST a request."""
        headers = {"Content-Type": "application/json", REQUEST_ID_HEADER: request_id}
        if timeout:
            headers[TIMEOUT_HEADER] = f"{timeout:.3f}"
        # The Gateway is given time to say by itself that the deadline has passed.
        bound = aiohttp.ClientTimeout(
            total=timeout + GRACE_SECONDS if timeout else None, sock_connect=_CONNECT_SECONDS
        )
        status, answer = await self._fetch(
            "POST", endpoint, request_id, timeout, data=body, headers=headers, timeout=bound
        )
        if status != 200:
            raise _error(status, answer, request_id)
        return Answer(JSON, answer)

    async def is_ready(self) -> bool:
        """Ask /readyz."""
        status, _ = await self._ask("/readyz")
        return status == 200

    async def readiness(self) -> dict[str, bool]:
        """Ask /readyz for each Executor."""
        state = await self._page("/readyz", statuses=(200, 503))
        return {
            name: service["ready"] > 0
            if state["ready"]
            else service["ready"] >= service["replicas"]
            for name, service in state["services"].items()
        }

    async def describe(self) -> FlowDescription:
        """Ask /status."""
        state = await self._page("/status")
        return FlowDescription(
            name=state["name"],
            version=state["version"],
            executors=tuple(executor["name"] for executor in state["executors"]),
            endpoints=tuple(
                EndpointDescription(
                    name=name,
                    summary=told["summary"],
                    input_schema=told["inputSchema"],
                    output_schema=told["outputSchema"],
                    parameters_schema=told["parametersSchema"],
                )
                for name, told in state["endpoints"].items()
            ),
        )

    async def _page(self, path: str, statuses: tuple[int, ...] = (200,)) -> Any:
        status, answer = await self._ask(path)
        if status not in statuses:
            raise _error(status, answer, "")
        try:
            return json.loads(answer)
        except ValueError as error:
            raise unreachable(
                self._address, f"{path} is not a Gateway's ({answer[:_EXCERPT]!r})"
            ) from error

    async def _ask(self, path: str) -> tuple[int, bytes]:
        bound = aiohttp.ClientTimeout(total=QUESTION_SECONDS)
        return await self._fetch("GET", path, "", QUESTION_SECONDS, timeout=bound)

    async def _fetch(
        self, method: str, path: str, request_id: str, seconds: float, **options: Any
    ) -> tuple[int, bytes]:
        try:
            async with self._session.request(method, f"{self._address}{path}", **options) as answer:
                return answer.status, await answer.read()
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                raise unreachable(self._address, error, request_id) from error
            raise too_late(self._address, seconds, request_id) from error
        except aiohttp.ClientResponseError as error:
            if _HTTP2_GREETING in error.message:
                raise other_protocol(self._address, "grpc", request_id) from error
            raise unreachable(self._address, error, request_id) from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(self._address, error, request_id) from error


def _error(status: int, answer: bytes, request_id: str) -> RequestError:
    """The Gateway's own error, or one for an answer of somebody between."""
    try:
        told: dict[str, Any] = json.loads(answer)["error"]
        code = Code.__members__.get(told["code"], _STATUSES.get(status, Code.FAILED))
        return RequestError(
            told["message"],
            code=code,
            executor=told.get("executor", ""),
            request_id=told.get("requestId", request_id),
            exception=told.get("exception", ""),
            detail=told.get("detail", ()),
        )
    except (ValueError, KeyError, TypeError):
        text = answer[:_EXCERPT].decode(errors="replace")
        return RequestError(
            f"The answer has status {status} and is not a Gateway's: {text}",
            code=_STATUSES.get(status, Code.FAILED),
            request_id=request_id,
        )
