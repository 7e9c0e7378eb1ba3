"""The client for programs without an event loop, and for notebooks, which have one of their own."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from containerflow.client.address import Address
from containerflow.client.async_client import AsyncClient

if TYPE_CHECKING:
    from containerflow.client.async_client import Inputs, M
    from containerflow.client.description import FlowDescription
    from containerflow.wire.documents import Document

T = TypeVar("T")


class Client:
    """Sends requests to a running Flow, and waits for the answers.

    It works from any thread, with or without a running event loop: an own thread does the waiting.
    It keeps its connections; close it, or use it as a `with` context.

    Args:
        host: "localhost", "localhost:8080", or a URL whose scheme is http, https, grpc or grpcs.
        port: Where `host` has none.
        protocol: "http" or "grpc" (the default) where `host` is not a URL.
        tls: Whether the connection is encrypted.

    Raises:
        DefinitionError: The address makes no sense.

    Example:
        ::

            with Client("http://localhost:8080") as client:
                docs = client.post("/search", {"text": "hello"})
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int | None = None,
        protocol: str | None = None,
        tls: bool = False,
    ) -> None:
        self._client = AsyncClient(host, port=port, protocol=protocol, tls=tls)
        self._lock = threading.Lock()
        self._thread: _LoopThread | None = None

    @property
    def address(self) -> Address:
        """Where the Flow is."""
        return self._client.address

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; a later request connects again."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive:
            thread.run(self._client.close())
            thread.stop()

    @overload
    def post(
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
    def post(
        self,
        on: str,
        inputs: Inputs = None,
        parameters: Mapping[str, Any] | None = None,
        return_type: type[M] | type[list[M]] = ...,
        timeout: float | None = None,
        *,
        request_size: int = 100,
    ) -> list[M]: ...

    def post(
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
        answer: list[Any] = self._run(
            self._client.post(
                on, inputs, parameters, return_type, timeout, request_size=request_size
            )
        )
        return answer

    def is_flow_ready(self) -> bool:
        """Whether the Flow can take requests; False where nobody answers."""
        return self._run(self._client.is_flow_ready())

    def readiness(self) -> dict[str, bool]:
        """Whether each Executor can do its part, by name.

        Raises:
            RequestError: Nobody answers.
        """
        return self._run(self._client.readiness())

    def describe(self) -> FlowDescription:
        """The Flow's Executors, its endpoints and their models.

        Raises:
            RequestError: Nobody answers.
        """
        return self._run(self._client.describe())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._thread is None or not self._thread.is_alive:
                self._thread = _LoopThread()
            thread = self._thread
        return thread.run(work)


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="containerflow client", daemon=True
        )
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it can be used; threads do not survive a fork."""
        return self._process == os.getpid() and self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work there and wait for it; an interrupt of the waiting cancels it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
