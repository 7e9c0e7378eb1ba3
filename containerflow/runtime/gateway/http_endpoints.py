"""POST /<endpoint>: a request's way from HTTP into the Flow and back."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable

from aiohttp import web
from multidict import CIMultiDict

from containerflow.errors import Code
from containerflow.runtime.gateway.failure import CODES, failure, too_large
from containerflow.runtime.gateway.gateway import Gateway, ReadBody
from containerflow.runtime.gateway.http_body import ArrivingBody, undecodable
from containerflow.runtime.gateway.request_id import is_acceptable, request_ids
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.names import REQUEST_ID_HEADER, TIMEOUT_HEADER

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "1"
_RETRIED_CODES = frozenset({Code.OVERLOADED, Code.UNAVAILABLE})
_JSON_TYPE = "application/json"

Respond = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class HttpEndpoints:
    """Answers POSTs to a Flow's endpoints.

    Args:
        gateway: Who answers.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._ids = request_ids()
        self._max_body_bytes = gateway.settings.max_body_bytes
        self._base_headers = {"Content-Type": _JSON_TYPE}
        if gateway.settings.cors:
            self._base_headers |= {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": f"{REQUEST_ID_HEADER}, Retry-After",
            }

    def before(self, application: Respond) -> Respond:
        """A handler that answers POSTs to served endpoints and leaves the rest to `application`."""
        find = self._gateway.find
        post = self._post

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if request.method == "POST":
                endpoint = _endpoint(request)
                if find(endpoint) is not None:
                    return await post(request, endpoint)
            return await application(request)

        return handle

    async def other(self, request: web.Request) -> web.StreamResponse:
        """Answer what no page and no served endpoint has answered."""
        endpoint = _endpoint(request)
        if request.method == "POST":
            return await self._post(request, endpoint, served=False)
        if request.method == "OPTIONS" and self._gateway.settings.cors:
            return web.Response(status=204, headers=_preflight(self._base_headers))
        request_id = next(self._ids)
        if endpoint in self._gateway.endpoints:
            message = f"{endpoint} is an endpoint of the Flow: send it a POST."
            refusal = self._refusal(405, "METHOD_NOT_ALLOWED", message, request_id)
            refusal.headers["Allow"] = "POST"
            return refusal
        known = ", ".join(self._gateway.endpoints) or "none"
        return self._refusal(
            404,
            Code.NOT_FOUND.name,
            f"There is no page {endpoint}. Endpoints to POST to: {known}; see /docs.",
            request_id,
        )

    async def _post(
        self, request: web.BaseRequest, endpoint: str, *, served: bool = True
    ) -> web.Response:
        headers = request.headers
        request_id = headers.get(REQUEST_ID_HEADER)
        if request_id is None:
            request_id = next(self._ids)
        elif not is_acceptable(request_id):
            request_id = next(self._ids)
            return self._failed(
                failure(
                    pb.CODE_MALFORMED,
                    f"The header {REQUEST_ID_HEADER} must be up to 128 printable ASCII characters.",
                ),
                request_id,
            )
        timeout = 0.0
        if TIMEOUT_HEADER in headers:
            timeout = _seconds(headers[TIMEOUT_HEADER])
            if not timeout:
                return self._failed(
                    failure(
                        pb.CODE_MALFORMED,
                        f"The header {TIMEOUT_HEADER} must be a positive number of seconds.",
                    ),
                    request_id,
                )
        body = b""
        read: ReadBody | None = None
        stream = request.content
        # Who asks for what nobody serves is told so before the body is read.
        if served:
            limit = self._max_body_bytes
            if stream.is_eof():
                try:
                    body = stream.read_nowait()
                except web.RequestPayloadError as error:
                    return self._failed(undecodable(request, error), request_id)
                is_too_large = len(body) > limit
            else:
                is_too_large = (request.content_length or 0) > limit
                read = ArrivingBody(request, limit).read
            if is_too_large:
                return self._failed(too_large(limit), request_id)
        try:
            response = await self._gateway.call(
                endpoint,
                (pb.Part(codec=pb.CODEC_JSON, body=body),),
                accept=pb.CODEC_JSON,
                request_id=request_id,
                timeout=timeout,
                size=len(body),
                read=read,
            )
        except Exception:
            logger.exception("Request %s to %s failed in the Gateway.", request_id, endpoint)
            response = failure(
                pb.CODE_FAILED, "The Gateway failed; its log has the request's id and the reason."
            )
        if response.code != pb.CODE_OK:
            refusal = self._failed(response, request_id)
            if stream.exception() is not None:
                # Where the next request begins on this connection is anyone's guess.
                refusal.force_close()
            return refusal
        answer_headers = CIMultiDict(self._base_headers)
        answer_headers[REQUEST_ID_HEADER] = request_id
        return web.Response(body=response.body, headers=answer_headers)

    def _failed(self, response: pb.Response, request_id: str) -> web.Response:
        code = CODES[response.code]
        answer = self._refusal(
            code.value, code.name, response.failure.message, request_id, response.failure
        )
        if code in _RETRIED_CODES:
            answer.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return answer

    def _refusal(
        self,
        status: int,
        code: str,
        message: str,
        request_id: str,
        fault: pb.Failure | None = None,
    ) -> web.Response:
        fault = fault or pb.Failure()
        body = {
            "error": {
                "code": code,
                "message": message,
                "executor": fault.executor,
                "exception": fault.exception,
                "requestId": request_id,
                "detail": json.loads(fault.detail) if fault.detail else [],
            },
            "header": {"requestId": request_id},
        }
        return web.Response(
            status=status,
            body=json.dumps(body).encode(),
            headers={**self._base_headers, REQUEST_ID_HEADER: request_id},
        )


def _endpoint(request: web.BaseRequest) -> str:
    """The path as the caller meant it; what needs no decoding, which is nearly all, gets none."""
    path = request.raw_path
    if path[:1] != "/" or "?" in path or "%" in path or "#" in path:
        return request.path
    return path


def _seconds(text: str) -> float:
    """A positive, finite number of seconds, or 0."""
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if seconds > 0 and math.isfinite(seconds) else 0.0


def _preflight(base: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in base.items() if name.startswith("Access-")} | {
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": f"Content-Type, {REQUEST_ID_HEADER}, {TIMEOUT_HEADER}",
        "Access-Control-Max-Age": "86400",
    }
