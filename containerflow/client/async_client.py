"""The client for programs on asyncio."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from containerflow.client.address import Address, parse_address
from containerflow.client.transport import Transport, open_transport
from containerflow.errors import Code, RequestError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from containerflow.client.description import FlowDescription
    from containerflow.wire.documents import Document

    M = TypeVar("M", bound=BaseModel)
    Inputs = (
        BaseModel
        | Mapping[str, Any]
        | Iterable[BaseModel | Mapping[str, Any]]
        | AsyncIterable[BaseModel | Mapping[str, Any]]
        | None
    )


class AsyncClient:
    """Sends requests to a running Flow.

    It keeps its connections; close it, or use it as an `async with` context.

    Args:
        host: "localhost", "localhost:8080", or a URL whose scheme is http, https, grpc or grpcs.
        port: Where `host` has none.
        protocol: "http" or "grpc" (the default) where `host` is not a URL.
        tls: Whether the connection is encrypted.

    Raises:
        DefinitionError: The address makes no sense.

    Example:
        ::

            async with AsyncClient("http://localhost:8080") as client:
                docs = await client.post("/search", {"text": "hello"})
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        protocol: str | None = None,
        tls: bool = False,
    ) -> None:
        self._address = parse_address(host, port=port, protocol=protocol, tls=tls)
        self._transport: Transport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def address(self) -> Address:
        """Where the Flow is."""
        return self._address

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; a later request connects again."""
        transport, self._transport = self._transport, None
        if transport is not None and self._loop is asyncio.get_running_loop():
            await transport.close()

    @overload
    async def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: None = None,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[Document]: ...

    @overload
    async def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: type[M] | type[list[M]] = ...,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[M]: ...

    async def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: Any = None,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[Any]:
        """Send documents to an endpoint and return the documents of the answer.

        Args:
            on: The endpoint, "/search".
            inputs: One document (a pydantic model or a mapping) or an iterable of them, which may
                be a generator; None to send none.
            parameters: For the handlers.
            return_type: The model of the answer's documents, `list[Model]`, or docarray's
                `DocList[Model]`; `Document` by default.
            timeout: Deadline of each request, in seconds; None leaves it to the Flow.
            request_size: Documents in one request. More inputs are sent as several requests, one
                after the other.

        Raises:
            RequestError: The request failed; its `code` says why.
        """
        from containerflow.client import documents

        if timeout is not None and timeout <= 0:
            raise RequestError(
                f"timeout must be more than 0 seconds, not {timeout:g}.", code=Code.INVALID
            )
        endpoint = on if on.startswith("/") else f"/{on}"
        transport = self._connected()
        answers: list[Any] | None = None
        async for batch in documents.batches(inputs, request_size):
            request_id = secrets.token_hex(12)
            answer = await transport.call(
                endpoint,
                documents.encode(batch, parameters, codec=transport.codec),
                request_id,
                timeout or 0.0,
            )
            received = documents.decode(answer.codec, answer.body, return_type, request_id)
            if answers is None:
                answers = received
            else:
                answers.extend(received)
        assert answers is not None
        return answers

    async def is_flow_ready(self) -> bool:
        """Whether the Flow can take requests; False where nobody answers."""
        try:
            return await self._connected().is_ready()
        except RequestError as error:
            if error.code in (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED):
                return False
            raise

    async def readiness(self) -> dict[str, bool]:
        """Whether each Executor can do its part, by name.

        Raises:
            RequestError: Nobody answers.
        """
        return await self._connected().readiness()

    async def describe(self) -> FlowDescription:
        """The Flow's Executors, its endpoints and their models.

        Raises:
            RequestError: Nobody answers.
        """
        return await self._connected().describe()

    def _connected(self) -> Transport:
        loop = asyncio.get_running_loop()
        if self._transport is None or self._loop is not loop:
            # Connections belong to the loop that made them; one that has ended took them along.
            self._transport, self._loop = open_transport(self._address), loop
        return self._transport
