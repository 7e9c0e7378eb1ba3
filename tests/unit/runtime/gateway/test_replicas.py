"""Replicas that come, drain, go, and share the work."""

from __future__ import annotations

import asyncio

import aiohttp

from containerflow.runtime.gateway.door import Address
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import VERSION
from tests.unit.runtime.gateway.lane_peer import LanePeer, echo
from tests.unit.runtime.gateway.running import Names, chain, gateway, until, url

BODY = b'{"data":[{"text":"a"}]}'


class Gate:
    """An answer that waits until the test opens it."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()

    async def __call__(self, request: pb.Request) -> pb.Response:
        await self.opened.wait()
        return echo(request)


def overloaded(request: pb.Request) -> pb.Response:
    return pb.Response(code=pb.CODE_OVERLOADED, failure=pb.Failure(message="full"))


async def post(http: aiohttp.ClientSession, address: str) -> tuple[int, dict[str, object]]:
    async with http.post(address, data=BODY) as answer:
        told = await answer.json()
        return answer.status, told.get("error", {})


async def test_idle_replicas_take_turns(http: aiohttp.ClientSession) -> None:
    peers = [LanePeer(), LanePeer(), LanePeer()]
    async with gateway(chain("a", replicas=3), {"a": peers}) as server:
        for _ in range(9):
            assert (await post(http, url(server, "/echo")))[0] == 200
    assert [len(peer.requests) for peer in peers] == [3, 3, 3]


async def test_the_replica_with_the_least_to_do_is_asked(http: aiohttp.ClientSession) -> None:
    gate = Gate()
    slow, quick = LanePeer(answer=gate), LanePeer()
    async with gateway(chain("a", replicas=2), {"a": [slow, quick]}) as server:
        calls = [asyncio.create_task(post(http, url(server, "/echo"))) for _ in range(2)]
        await until(lambda: len(slow.requests) == len(quick.requests) == 1)
        for _ in range(6):
            assert (await post(http, url(server, "/echo")))[0] == 200
        assert len(slow.requests) == 1
        gate.opened.set()
        assert {(await call)[0] for call in calls} == {200}


async def test_a_draining_replica_gets_nothing_new_and_finishes_what_it_has(
    http: aiohttp.ClientSession,
) -> None:
    gate = Gate()
    leaving, staying = LanePeer(answer=gate), LanePeer()
    names = Names({})
    async with gateway(chain("a"), names=names, wait=False) as server:
        await leaving.start()
        names.addresses["a"] = {Address("127.0.0.1", leaving.port)}
        await until(server.gateway.is_ready)
        held = asyncio.create_task(post(http, url(server, "/echo")))
        await until(lambda: bool(leaving.requests))
        leaving.drain()
        await until(lambda: not server.gateway.is_ready())
        await staying.start()
        names.addresses["a"] = {Address("127.0.0.1", staying.port)}
        for _ in range(5):
            assert (await post(http, url(server, "/echo")))[0] == 200
        assert len(leaving.requests) == 1
        assert not held.done()
        gate.opened.set()
        assert (await held)[0] == 200
        await leaving.close()
        await staying.close()


async def test_a_request_that_a_draining_replica_turns_away_goes_to_another(
    http: aiohttp.ClientSession,
) -> None:
    # The drain notice and the request cross on the wire.
    def turn_away(request: pb.Request) -> pb.Response:
        leaving.drain()
        return pb.Response(code=pb.CODE_UNAVAILABLE, failure=pb.Failure(message="draining"))

    leaving, staying = LanePeer(answer=turn_away), LanePeer()
    async with gateway(chain("a", replicas=2), {"a": [leaving, staying]}) as server:
        for _ in range(3):
            assert (await post(http, url(server, "/echo")))[0] == 200
    assert len(leaving.requests) == 1
    assert len(staying.requests) == 3


async def test_a_full_replica_leaves_the_request_to_another(http: aiohttp.ClientSession) -> None:
    full, free = LanePeer(answer=overloaded), LanePeer()
    async with gateway(chain("a", replicas=2), {"a": [full, free]}) as server:
        for _ in range(4):
            assert (await post(http, url(server, "/echo")))[0] == 200
    assert len(free.requests) == 4
    assert full.requests


async def test_where_all_replicas_are_full_each_is_asked_once(
    http: aiohttp.ClientSession,
) -> None:
    peers = [LanePeer(answer=overloaded), LanePeer(answer=overloaded)]
    async with gateway(chain("a", replicas=2), {"a": peers}) as server:
        status, error = await post(http, url(server, "/echo"))
    assert status == 503
    assert error["code"] == "OVERLOADED"
    assert error["executor"] == "a"
    assert [len(peer.requests) for peer in peers] == [1, 1]


async def test_a_request_lost_with_its_replica_is_not_sent_again(
    http: aiohttp.ClientSession,
) -> None:
    gate = Gate()
    dying, other = LanePeer(answer=gate), LanePeer(answer=gate)
    async with gateway(chain("a", replicas=2), {"a": [dying, other]}) as server:
        calls = [asyncio.create_task(post(http, url(server, "/echo"))) for _ in range(2)]
        await until(lambda: len(dying.requests) == len(other.requests) == 1)
        dying.hang_up()
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        status, error = done.pop().result()
        assert error["code"] == "UNAVAILABLE"
        assert error["executor"] == "a"
        assert status == 502
        assert "may or may not" in str(error["message"])
        gate.opened.set()
        results = [await call for call in calls]
        assert sorted(status for status, _ in results) == [200, 502]
    assert len(other.requests) == 1


async def test_a_replica_that_went_away_is_reconnected_when_it_is_back(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}) as server:
        await peer.close()
        await until(lambda: not server.gateway.is_ready())
        await LanePeer(port=peer.port).start()
        await until(server.gateway.is_ready)
        assert (await post(http, url(server, "/echo")))[0] == 200


async def test_a_request_waits_a_moment_for_a_replica_that_comes_back(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer()
    async with gateway(chain("a", retries=100), {"a": [peer]}) as server:
        await peer.close()
        await until(lambda: not server.gateway.is_ready())
        call = asyncio.create_task(post(http, url(server, "/echo")))
        await until(lambda: server.gateway.in_flight == 1)
        back = await LanePeer(port=peer.port).start()
        assert (await call)[0] == 200
        await back.close()


async def test_without_a_replica_the_error_says_where_it_was_looked_for(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer()
    async with gateway(chain("a", retries=0), {"a": [peer]}) as server:
        await peer.close()
        await until(lambda: not server.gateway.is_ready())
        status, error = await post(http, url(server, "/echo"))
    assert status == 502
    assert error["code"] == "UNAVAILABLE"
    assert "a:7070" in str(error["message"])


async def test_a_new_replica_is_found_by_its_name(http: aiohttp.ClientSession) -> None:
    first, second = await LanePeer().start(), await LanePeer().start()
    names = Names({"a": [first]})
    async with gateway(chain("a"), names=names) as server:
        names.addresses["a"].add(Address("127.0.0.1", second.port))
        await until(lambda: server.gateway.services()["a"].ready == 2)
        for _ in range(4):
            await post(http, url(server, "/echo"))
        assert len(first.requests) == len(second.requests) == 2
    await first.close()
    await second.close()


async def test_a_replica_of_another_version_is_not_used(http: aiohttp.ClientSession) -> None:
    stranger = LanePeer(version=VERSION + 1)
    async with gateway(chain("a"), {"a": [stranger]}, wait=False) as server:
        await until(lambda: bool(stranger.connections))
        await asyncio.sleep(0.05)
        assert not server.gateway.is_ready()
        status, error = await post(http, url(server, "/echo"))
    assert status == 502
    assert "still starting" in str(error["message"])
    assert not stranger.requests


async def test_a_start_needs_all_declared_replicas_and_afterwards_one_of_them() -> None:
    first, second = await LanePeer().start(), await LanePeer().start()
    names = Names({"a": [first]})
    async with gateway(chain("a", replicas=2), names=names, wait=False) as server:
        await until(lambda: server.gateway.services()["a"].ready == 1)
        assert not server.gateway.is_ready()
        assert server.gateway.is_serving() == {"a": False}
        names.addresses["a"].add(Address("127.0.0.1", second.port))
        await until(server.gateway.is_ready)
        await first.close()
        await until(lambda: server.gateway.services()["a"].ready == 1)
        assert server.gateway.is_ready()
        assert server.gateway.is_serving() == {"a": True}
        await second.close()
        await until(lambda: not server.gateway.is_ready())


async def test_an_executor_that_comes_back_with_other_endpoints_changes_the_routes(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer(endpoints=("/old",))
    async with gateway(chain("a"), {"a": [peer]}) as server:
        await peer.close()
        await until(lambda: not server.gateway.is_ready())
        new = await LanePeer(endpoints=("/new",), port=peer.port).start()
        await until(server.gateway.is_ready)
        assert (await post(http, url(server, "/new")))[0] == 200
        assert (await post(http, url(server, "/old")))[0] == 404
        await new.close()
