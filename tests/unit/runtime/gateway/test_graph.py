"""Fan-out and join: the answer follows from the graph, never from who was quicker."""

from __future__ import annotations

import asyncio
import random

import aiohttp
import pytest

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.settings import NodeSettings
from tests.unit.runtime.gateway.lane_peer import Answer, LanePeer
from tests.unit.runtime.gateway.running import gateway, until, url


def appending(name: str, delays: random.Random | None = None) -> Answer:
    """An Executor that says what it got: `name(part,part)`."""

    async def answer(request: pb.Request) -> pb.Response:
        if delays is not None:
            await asyncio.sleep(delays.random() * 0.005)
        inner = b",".join(part.body for part in request.parts)
        codec = request.accept
        return pb.Response(codec=codec, body=name.encode() + b"(" + inner + b")")

    return answer


def failing(name: str, *, after: asyncio.Event | None = None) -> Answer:
    async def answer(request: pb.Request) -> pb.Response:
        if after is not None:
            await after.wait()
        failure = pb.Failure(message=f"{name} failed", executor=name, exception="ValueError")
        return pb.Response(code=pb.CODE_FAILED, failure=failure)

    return answer


NODES = [
    NodeSettings(name="clean", host="clean"),
    NodeSettings(name="left", needs=("clean",), host="left"),
    NodeSettings(name="right", needs=("clean",), host="right"),
    NodeSettings(name="third", needs=("gateway",), host="third"),
    NodeSettings(name="rank", needs=("right", "left", "third", "clean"), host="rank"),
]


async def test_a_join_gets_its_parts_in_declared_order_however_long_each_takes(
    http: aiohttp.ClientSession,
) -> None:
    delays = random.Random(7)
    peers = {
        node.name: [LanePeer(name=node.name, answer=appending(node.name, delays))] for node in NODES
    }
    async with gateway(NODES, peers) as server:

        async def ask() -> bytes:
            async with http.post(url(server, "/echo"), data=b"x") as answer:
                assert answer.status == 200
                return await answer.read()

        answers = await asyncio.gather(*(ask() for _ in range(50)))
    expected = b"rank(right(clean(x)),left(clean(x)),third(x),clean(x))"
    assert set(answers) == {expected}
    (rank,) = peers["rank"]
    assert [part.source for part in rank.requests[0].parts] == ["right", "left", "third", "clean"]
    assert not rank.requests[0].joined
    for name in ("left", "right", "third", "clean"):
        assert peers[name][0].requests[0].joined


FORK = [
    NodeSettings(name="left", host="left"),
    NodeSettings(name="right", host="right"),
    NodeSettings(name="rank", needs=("left", "right"), host="rank"),
]


@pytest.mark.parametrize("slow", ["left", "right"])
async def test_of_two_failures_the_one_declared_first_decides(
    http: aiohttp.ClientSession, slow: str
) -> None:
    later = asyncio.Event()
    peers = {
        name: [LanePeer(name=name, answer=failing(name, after=later if name == slow else None))]
        for name in ("left", "right", "rank")
    }
    quick = "left" if slow == "right" else "right"
    async with gateway(FORK, peers) as server:
        call = asyncio.create_task(http.post(url(server, "/echo"), data=b"x").__aenter__())
        await until(lambda: bool(peers[quick][0].requests))
        await asyncio.sleep(0.02)
        later.set()
        answer = await call
        assert answer.status == 500
        error = (await answer.json())["error"]
    assert error["executor"] == "left"
    assert error["exception"] == "ValueError"
    assert not peers["rank"][0].requests


async def test_a_failure_cancels_the_branches_declared_after_it(
    http: aiohttp.ClientSession,
) -> None:
    begun = asyncio.Event()
    never = asyncio.Event()
    peers = {
        "left": [LanePeer(name="left", answer=failing("left", after=begun))],
        "right": [LanePeer(name="right", answer=failing("right", after=never))],
        "rank": [LanePeer(name="rank")],
    }
    async with gateway(FORK, peers) as server:
        call = asyncio.create_task(http.post(url(server, "/echo"), data=b"x").__aenter__())
        (right,) = peers["right"]
        await until(lambda: bool(right.requests))
        begun.set()
        answer = await call
        assert (await answer.json())["error"]["executor"] == "left"
        await until(lambda: right.cancelled == [right.requests[0].id])


async def test_a_deadline_cancels_every_branch(http: aiohttp.ClientSession) -> None:
    never = asyncio.Event()
    peers = {
        name: [LanePeer(name=name, answer=failing(name, after=never))]
        for name in ("left", "right", "rank")
    }
    async with gateway(FORK, peers) as server:
        headers = {"X-Request-Timeout": "0.05"}
        async with http.post(url(server, "/echo"), data=b"x", headers=headers) as answer:
            assert answer.status == 504
        for name in ("left", "right"):
            peer = peers[name][0]
            await until(lambda peer=peer: len(peer.cancelled) == 1)  # type: ignore[misc]
