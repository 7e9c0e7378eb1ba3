"""Replicas that stop, crash or crawl: what becomes of the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import grpc.aio
import pytest

from containerflow.runtime.executor.server import ExecutorServer
from containerflow.runtime.gateway import pool
from containerflow.runtime.gateway.door import Address
from containerflow.runtime.gateway.server import GatewayServer
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc
from containerflow.wire.settings import ExecutorSettings, NodeSettings
from tests.unit.runtime.gateway.lane_peer import LanePeer, describe, echo
from tests.unit.runtime.gateway.running import Names, chain, gateway, until, url

BODY = b'{"data":[{"text":"a"}]}'
SLOW = """
    import asyncio
    from containerflow import Document, Executor, requests

    class Slow(Executor):
        @requests
        async def work(self, docs: list[Document], **kwargs) -> list[Document]:
            await asyncio.sleep(0.05)
            return docs
"""


async def executor(folder: Path, name: str = "a") -> ExecutorServer:
    (folder / "executor.py").write_text(dedent(SLOW))
    settings = ExecutorSettings(
        name=name, workspace=str(folder), lane_port=0, grpc_port=0, admin_port=0
    )
    server = ExecutorServer(settings, folder, host="127.0.0.1")
    await server.open()
    await server.make_ready()
    return server


def address(server: ExecutorServer, transport: str) -> Address:
    return Address("127.0.0.1", server.grpc_port if transport == "grpc" else server.lane_port)


async def post(http: aiohttp.ClientSession, place: str, **options: Any) -> tuple[int, str]:
    async with http.post(place, **{"data": BODY, **options}) as answer:
        return answer.status, await answer.text()


async def keep_asking(
    http: aiohttp.ClientSession, server: GatewayServer, during: Callable[[], Awaitable[None]]
) -> set[int]:
    """The statuses of what twenty callers get while something happens."""
    stopped = asyncio.Event()
    statuses: set[int] = set()

    async def ask() -> None:
        while not stopped.is_set():
            statuses.add((await post(http, url(server, "/x")))[0])

    callers = [asyncio.create_task(ask()) for _ in range(20)]
    await until(lambda: server.gateway.in_flight >= 20)
    await during()
    stopped.set()
    await asyncio.gather(*callers)
    return statuses


async def test_while_one_of_two_replicas_drains_every_request_is_answered(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    first, second = await executor(tmp_path), await executor(tmp_path)
    names = Names({})
    names.addresses["a"] = {address(one, "lane") for one in (first, second)}
    async with gateway(chain("a", replicas=2), names=names) as server:
        assert await keep_asking(http, server, first.close) == {200}
    await second.close()


class GrpcPeer(contract_pb2_grpc.ExecutorServicer):
    """A gRPC server in a replica's place, which refuses what comes after it began to drain."""

    def __init__(self) -> None:
        self.server = grpc.aio.server()
        contract_pb2_grpc.add_ExecutorServicer_to_server(self, self.server)  # type: ignore[no-untyped-call]
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.is_draining = False
        self.refused = 0

    async def Call(self, request: pb.Request, _context: Any) -> pb.Response:
        if self.is_draining:
            self.refused += 1
            told = pb.Failure(message="draining", refused=True)
            return pb.Response(code=pb.CODE_UNAVAILABLE, failure=told)
        await asyncio.sleep(0.2)
        return echo(request)

    async def Describe(self, _request: Any, _context: Any) -> pb.Description:
        return describe("a", ["/x"])

    async def drain(self) -> None:
        self.is_draining = True
        await until(lambda: self.refused > 0)
        # What was on the wire arrives; then the server stops, still at work on what it has begun.
        await asyncio.sleep(0.05)
        await self.server.stop(5)


async def test_while_one_of_two_grpc_replicas_drains_every_request_is_answered(
    http: aiohttp.ClientSession,
) -> None:
    first, second = GrpcPeer(), GrpcPeer()
    await asyncio.gather(first.server.start(), second.server.start())
    names = Names({})
    names.addresses["a"] = {Address("127.0.0.1", peer.port) for peer in (first, second)}
    async with gateway(chain("a", replicas=2, transport="grpc"), names=names) as server:
        assert await keep_asking(http, server, first.drain) == {200}
    assert first.refused
    await second.server.stop(0)


async def test_an_executor_that_drains_by_grpc_finishes_what_it_has(
    http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    one = await executor(tmp_path)
    names = Names({})
    names.addresses["a"] = {address(one, "grpc")}
    async with gateway(chain("a", transport="grpc"), names=names) as server:
        calls = [asyncio.create_task(post(http, url(server, "/x"))) for _ in range(5)]
        await until(lambda: server.gateway.in_flight == 5)
        await asyncio.sleep(0.02)
        await one.close()
        assert [(await call)[0] for call in calls] == [200] * 5


@pytest.mark.parametrize("joined", [False, True])
async def test_a_call_whose_channel_is_closed_under_it_is_answered(
    http: aiohttp.ClientSession, joined: bool
) -> None:
    async def never(request: pb.Request) -> pb.Response:
        await asyncio.Event().wait()
        raise AssertionError

    peer, other = LanePeer(answer=never), LanePeer(name="b")
    async with gateway(chain("a"), {"a": [peer]}, protocols=("grpc",), drain_seconds=0) as inner:
        names = Names({"b": [await other.start()]})
        names.addresses["test"] = {Address("127.0.0.1", inner.ports[0])}
        nodes = chain("test", transport="grpc")
        if joined:
            nodes.append(NodeSettings(name="b", host="b"))
        async with gateway(nodes, names=names) as outer:
            call = asyncio.create_task(post(http, url(outer, "/echo")))
            await until(lambda: bool(peer.requests))
            await outer.gateway.close()
            status, text = await call
            assert status == 502
            assert "may or may not" in text
    await other.close()


async def test_a_refusal_says_so_whatever_its_code(http: aiohttp.ClientSession) -> None:
    def turn_away(request: pb.Request) -> pb.Response:
        told = pb.Failure(message="not now", refused=True)
        return pb.Response(code=pb.CODE_UNAVAILABLE, failure=told)

    refusing, other = LanePeer(answer=turn_away), LanePeer()
    async with gateway(chain("a", replicas=2), {"a": [refusing, other]}) as server:
        for _ in range(4):
            assert (await post(http, url(server, "/echo")))[0] == 200
    assert refusing.requests


@pytest.mark.parametrize("transport", ["lane", "grpc"])
async def test_whoever_answers_under_another_name_is_not_used(
    tmp_path: Path, transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = await executor(tmp_path, name="indexer")
    names = Names({})
    names.addresses["encoder"] = {address(stranger, transport)}
    nodes = chain("encoder", transport=transport)
    async with gateway(nodes, names=names, wait=False) as server:
        await until(lambda: "indexer" in caplog.text)
        assert server.gateway.services()["encoder"].ready == 0
        assert not server.gateway.descriptions
        own = await executor(tmp_path, name="encoder")
        names.addresses["encoder"] = {address(own, transport)}
        await until(server.gateway.is_ready)
    await own.close()
    await stranger.close()


async def test_a_request_outlives_the_moment_in_which_its_connection_closes() -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}) as server:
        door: Any = server.gateway._doors[0]
        replica = door._replicas[0]
        # Closing has begun, and the loop has not yet told anyone.
        replica.close()
        response = await server.gateway.call(
            "/echo",
            (pb.Part(codec=pb.CODEC_JSON, body=BODY),),
            accept=pb.CODEC_JSON,
            request_id="r",
        )
        assert response.code == pb.CODE_OK


async def test_a_replica_that_does_not_read_is_passed_over(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, free = LanePeer(), LanePeer()
    async with gateway(chain("a", replicas=2, retries=20), {"a": [stuck, free]}) as server:
        door: Any = server.gateway._doors[0]

        def paused() -> int:
            return sum(not replica.has_room for replica in door._replicas)

        async def fill(peer: LanePeer, wanted: int) -> list[asyncio.Task[Any]]:
            peer.connections[0].hold_reading(True)
            calls: list[asyncio.Task[Any]] = []
            while paused() < wanted:
                calls.append(asyncio.create_task(post(http, url(server, "/echo"), data=large)))
                await asyncio.sleep(0.01)
            return calls

        large = b"x" * 20_000_000
        calls = await fill(stuck, 1)
        seen = len(free.requests)
        for _ in range(5):
            assert (await post(http, url(server, "/echo")))[0] == 200
        assert len(free.requests) >= seen + 5
        calls += await fill(free, 2)
        monkeypatch.setattr(pool, "WAIT_SECONDS", 0.02)
        status, text = await post(http, url(server, "/echo"))
        assert status == 503
        assert "OVERLOADED" in text
        for peer in (stuck, free):
            peer.connections[0].hold_reading(False)
        await until(lambda: paused() == 0)
        for call in calls:
            await call
        assert (await post(http, url(server, "/echo")))[0] == 200
