"""A Gateway's end of a lane, and an Executor's server made from source text."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

from containerflow.runtime.executor.server import ExecutorServer
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import VERSION, Frame, Kind, Lane
from containerflow.wire.settings import ExecutorSettings

PRELUDE = """
import asyncio, threading, time
from containerflow import Document, Executor, requests

class Text(Document):
    text: str
"""
"""Stands before the source of each test's Executor."""


class Peer(Lane):
    """Says hello, and pairs answers with questions."""

    def __init__(self, version: int = VERSION) -> None:
        super().__init__()
        self._version = version
        self._last = 0
        self.answers: dict[int, asyncio.Future[pb.Response]] = {}
        self.order: list[int] = []
        self.welcome: asyncio.Future[pb.Welcome] = self._loop.create_future()
        self.draining = self._loop.create_future()
        self.gone = self._loop.create_future()

    def opened(self) -> None:
        self.send(Kind.HELLO, pb.Hello(version=self._version).SerializeToString())

    def received(self, frames: list[Frame]) -> None:
        for kind, payload in frames:
            if kind == Kind.WELCOME:
                self.welcome.set_result(pb.Welcome.FromString(payload))
            elif kind == Kind.DRAINING:
                self.draining.set_result(None)
            elif kind == Kind.RESPONSE:
                response = pb.Response.FromString(payload)
                self.order.append(response.id)
                self.answers.pop(response.id).set_result(response)

    def closed(self, error: Exception | None) -> None:
        self.gone.set_result(error)

    def ask(
        self, endpoint: str, body: Any = None, *, number: int = 0, **fields: Any
    ) -> asyncio.Future[pb.Response]:
        """Send a request; `body` is bytes, or what becomes JSON."""
        self._last = number or self._last + 1
        if "parts" not in fields:
            raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
            fields["parts"] = [pb.Part(codec=pb.CODEC_JSON, body=raw)]
        request = pb.Request(
            id=self._last, endpoint=endpoint, **{"request_id": f"r{self._last}", **fields}
        )
        answer: asyncio.Future[pb.Response] = self._loop.create_future()
        self.answers[self._last] = answer
        self.send(Kind.REQUEST, request.SerializeToString())
        return answer

    def cancel(self, *numbers: int) -> None:
        self.send(Kind.CANCEL, pb.Cancel(ids=numbers).SerializeToString())


async def connect(server: ExecutorServer, version: int = VERSION) -> Peer:
    """Open a lane to a server, without waiting for its welcome."""
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_connection(lambda: Peer(version), "127.0.0.1", server.lane_port)
    return peer


def written(folder: Path, source: str) -> Path:
    """A folder with an `executor.py` of that text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "executor.py").write_text(PRELUDE + dedent(source))
    return folder


def server_of(source: Path, **settings: Any) -> ExecutorServer:
    """A server on free ports of 127.0.0.1."""
    values = {"name": "worker", "lane_port": 0, "grpc_port": 0, "admin_port": 0, **settings}
    values.setdefault("workspace", str(source / "workspace"))
    return ExecutorServer(ExecutorSettings(**values), source, host="127.0.0.1")


@asynccontextmanager
async def served(source: Path, **settings: Any) -> AsyncIterator[tuple[ExecutorServer, Peer]]:
    """A server that is ready, and a lane to it that is welcome."""
    server = server_of(source, **settings)
    await server.open()
    try:
        await server.make_ready()
        peer = await connect(server)
        await peer.welcome
        yield server, peer
        peer.close()
    finally:
        await server.close()


def data(response: pb.Response) -> Any:
    """The documents of a good answer in JSON."""
    assert response.code == pb.CODE_OK, response
    return json.loads(response.body)["data"]


def texts(response: pb.Response) -> list[str]:
    """The `text` of each document of a good answer."""
    return [doc["text"] for doc in data(response)]
