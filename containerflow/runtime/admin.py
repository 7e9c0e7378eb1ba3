"""The admin port: `/livez`, `/readyz` and `/metrics` over HTTP/1.1, in little memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import h11

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["AdminServer", "Readiness", "serve_admin"]

_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_READ_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a process can do its work now.

    Attributes:
        ready: True where requests can be answered.
        detail: More for people and clients, merged into the JSON answer of `/readyz`.
    """

    ready: bool
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: bytes


class AdminServer:
    """A running admin port; made by `serve_admin`."""

    def __init__(self, server: asyncio.Server, tasks: set[asyncio.Task[None]]) -> None:
        self._server = server
        self._tasks = tasks
        self.port: int = server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and hang up on everyone."""
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()


async def serve_admin(
    port: int,
    readiness: Callable[[], Readiness],
    *,
    registry: Callable[[], CollectorRegistry] | None = None,
    host: str = "0.0.0.0",
) -> AdminServer:
    """Serve `/livez`, `/readyz` and `/metrics`.

    `/livez` answers 200 while the event loop turns. `/readyz` answers 200 or 503 with
    `{"ready": bool, ...detail}`. `/metrics` is Prometheus' text format; 404 without a registry.

    Args:
        port: TCP port; 0 takes a free one (see `AdminServer.port`).
        readiness: Asked at each `/readyz`, on the event loop.
        registry: Makes the registry of what `/metrics` shows. Called once, at the first scrape,
            in a thread: a process that nobody scrapes never pays for Prometheus' client.
        host: Address to listen on.

    Raises:
        OSError: The port cannot be had.
    """
    pages = _Pages(readiness, registry)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_Connection(pages, reader, writer).serve())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return AdminServer(await asyncio.start_server(connected, host, port), tasks)


class _Pages:
    """What stands at each path."""

    def __init__(
        self,
        readiness: Callable[[], Readiness],
        registry: Callable[[], CollectorRegistry] | None,
    ) -> None:
        self._readiness = readiness
        self._make_registry = registry
        self._registry: CollectorRegistry | None = None

    async def get(self, path: str) -> _Answer:
        match path:
            case "/livez":
                return _Answer(200, _TEXT, b"ok\n")
            case "/readyz":
                state = self._readiness()
                body = json.dumps({"ready": state.ready, **state.detail}).encode()
                return _Answer(200 if state.ready else 503, _JSON, body)
            case "/metrics" if self._make_registry is not None:
                # Importing and rendering take milliseconds that requests should not wait for.
                return await asyncio.to_thread(self._metrics, self._make_registry)
        return _Answer(404, _TEXT, b"known paths: /livez /readyz /metrics\n")

    def _metrics(self, make_registry: Callable[[], CollectorRegistry]) -> _Answer:
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

        if self._registry is None:
            self._registry = make_registry()
        return _Answer(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(self._registry))


class _Connection:
    """One HTTP/1.1 connection; h11 knows the protocol, this moves its bytes."""

    def __init__(
        self, pages: _Pages, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._pages = pages
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)

    async def serve(self) -> None:
        """Answer requests until either side has had enough."""
        try:
            while (request := await self._next_request()) is not None:
                await self._answer(request)
                if self._http.our_state is not h11.DONE:
                    return
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as error:
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._send(_Answer(error.error_status_hint, _TEXT, f"{error}\n".encode()))
        except ConnectionError:
            pass  # the one who asked went away: nobody is left to be told
        finally:
            self._writer.close()

    async def _next_request(self) -> h11.Request | None:
        request: h11.Request | None = None
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ_BYTES))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.EndOfMessage):
                return request
            elif isinstance(event, h11.ConnectionClosed):
                return None

    async def _answer(self, request: h11.Request) -> None:
        if request.method not in (b"GET", b"HEAD"):
            self._send(_Answer(405, _TEXT, b"only GET and HEAD\n"))
            return
        path = request.target.split(b"?", 1)[0].decode("ascii", "replace")
        self._send(await self._pages.get(path), bodiless=request.method == b"HEAD")

    def _send(self, answer: _Answer, *, bodiless: bool = False) -> None:
        headers = [
            ("content-type", answer.content_type),
            ("content-length", str(len(answer.body))),
            ("cache-control", "no-store"),
        ]
        events: list[h11.Event] = [h11.Response(status_code=answer.status, headers=headers)]
        if answer.body and not bodiless:
            events.append(h11.Data(data=answer.body))
        events.append(h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
