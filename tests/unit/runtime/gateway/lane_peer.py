"""A replica for the Gateway's tests: a real lane server whose behaviour each test chooses."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import VERSION, Frame, Kind, Lane

Answer = Callable[[pb.Request], pb.Response | Awaitable[pb.Response]]


def echo(request: pb.Request) -> pb.Response:
    """Answer with the first part as it came."""
    return pb.Response(codec=request.parts[0].codec, body=request.parts[0].body)


def describe(name: str, endpoints: Sequence[str]) -> pb.Description:
    """A description in which each endpoint takes and gives texts."""
    schema = json.dumps(
        {
            "title": "Text",
            "type": "object",
            "properties": {"id": {"type": "string"}, "text": {"type": "string"}},
            "required": ["text"],
        }
    ).encode()
    return pb.Description(
        name=name,
        version="test",
        endpoints=[
            pb.Endpoint(
                name=endpoint,
                summary=f"{name} at {endpoint}",
                input_schema=schema,
                output_schema=schema,
            )
            for endpoint in endpoints
        ],
    )


@dataclass
class LanePeer:
    """A lane server that stands where a replica would; start it with `await start()`."""

    name: str = ""
    endpoints: Sequence[str] = ("/echo",)
    answer: Answer = echo
    version: int = VERSION
    port: int = 0
    requests: list[pb.Request] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    connections: list[_Connection] = field(default_factory=list)
    server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1") -> LanePeer:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: _Connection(self), host, self.port)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    def description(self) -> pb.Description:
        return describe(self.name, self.endpoints)

    def drain(self) -> None:
        for connection in self.connections:
            connection.send(Kind.DRAINING)

    def hang_up(self) -> None:
        for connection in list(self.connections):
            connection.abort()

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
        self.hang_up()


class _Connection(Lane):
    def __init__(self, peer: LanePeer) -> None:
        super().__init__()
        self._peer = peer
        self._tasks: set[asyncio.Task[None]] = set()

    def opened(self) -> None:
        self._peer.connections.append(self)

    def closed(self, error: Exception | None) -> None:
        self._peer.connections.remove(self)
        for task in self._tasks:
            task.cancel()

    def received(self, frames: list[Frame]) -> None:
        peer = self._peer
        for kind, payload in frames:
            if kind == Kind.HELLO:
                welcome = pb.Welcome(version=peer.version, description=peer.description())
                self.send(Kind.WELCOME, welcome.SerializeToString())
            elif kind == Kind.REQUEST:
                request = pb.Request.FromString(payload)
                peer.requests.append(request)
                answer = peer.answer(request)
                if isinstance(answer, pb.Response):
                    self._send(request, answer)
                else:
                    task = asyncio.ensure_future(self._later(request, answer))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
            elif kind == Kind.CANCEL:
                peer.cancelled.extend(pb.Cancel.FromString(payload).ids)

    async def _later(self, request: pb.Request, answer: Awaitable[pb.Response]) -> None:
        self._send(request, await answer)

    def _send(self, request: pb.Request, response: pb.Response) -> None:
        response.id = request.id
        self.send(Kind.RESPONSE, response.SerializeToString())


async def _main() -> None:
    peer = await LanePeer(name=sys.argv[1], port=int(sys.argv[2])).start()
    peer.requests = _Forgetful()
    await asyncio.Event().wait()


class _Forgetful(list[pb.Request]):
    def append(self, request: pb.Request) -> None:
        """A process under load keeps none."""


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main())
