"""The HTTP port, by a real client, in front of real lanes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.settings import NodeSettings
from tests.unit.runtime.gateway.lane_peer import LanePeer, echo
from tests.unit.runtime.gateway.running import chain, gateway, until, url

BODY = b'{"data":[{"text":"a"}]}'


async def never(request: pb.Request) -> pb.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def error_of(answer: aiohttp.ClientResponse) -> dict[str, object]:
    told = await answer.json()
    assert told["header"]["requestId"] == told["error"]["requestId"]
    assert told["header"]["requestId"] == answer.headers["X-Request-ID"]
    error: dict[str, object] = told["error"]
    return error


async def test_a_body_passes_through_untouched(http: aiohttp.ClientSession) -> None:
    peer = LanePeer()
    strange = b'  {"data" : [ ] , "x":"\xc3\xa9"}\n'
    async with (
        gateway(chain("a"), {"a": [peer]}) as server,
        http.post(url(server, "/echo"), data=strange) as answer,
    ):
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert await answer.read() == strange
    (request,) = peer.requests
    assert request.endpoint == "/echo"
    assert request.parts[0].codec == pb.CODEC_JSON
    assert request.accept == pb.CODEC_JSON
    assert 0 < request.timeout_ms <= 600_000


async def test_executors_speak_binary_to_each_other_and_the_last_the_callers_codec(
    http: aiohttp.ClientSession,
) -> None:
    peers = {name: LanePeer(name=name) for name in ("a", "b", "c")}
    async with (
        gateway(chain(*peers), {name: [peer] for name, peer in peers.items()}) as server,
        http.post(url(server, "/echo"), data=BODY) as answer,
    ):
        assert await answer.read() == BODY
    accepted = [peer.requests[0].accept for peer in peers.values()]
    assert accepted == [pb.CODEC_BINARY, pb.CODEC_BINARY, pb.CODEC_JSON]
    assert [peer.requests[0].parts[0].source for peer in peers.values()] == ["", "a", "b"]


async def test_the_callers_request_id_reaches_executors_and_comes_back(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}) as server:
        headers = {"X-Request-ID": "mine-1"}
        async with http.post(url(server, "/echo"), data=BODY, headers=headers) as answer:
            assert answer.headers["X-Request-ID"] == "mine-1"
        async with http.post(url(server, "/echo"), data=BODY) as answer:
            made_up = answer.headers["X-Request-ID"]
    assert [request.request_id for request in peer.requests] == ["mine-1", made_up]


@pytest.mark.parametrize("request_id", ["x" * 129, "\u00e9"])
async def test_a_request_id_that_cannot_stand_in_logs_is_malformed(
    http: aiohttp.ClientSession, request_id: str
) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}) as server:
        headers = {"X-Request-ID": request_id}
        async with http.post(url(server, "/echo"), data=BODY, headers=headers) as answer:
            assert answer.status == 400
            assert (await error_of(answer))["code"] == "MALFORMED"


async def test_an_unknown_endpoint_lists_the_known_ones(http: aiohttp.ClientSession) -> None:
    peer = LanePeer(endpoints=("/index", "/search"))
    async with (
        gateway(chain("a"), {"a": [peer]}) as server,
        http.post(url(server, "/serach"), data=BODY) as answer,
    ):
        assert answer.status == 404
        error = await error_of(answer)
    assert error["code"] == "NOT_FOUND"
    assert "/index, /search" in str(error["message"])
    assert not peer.requests


async def test_query_and_percent_encoding_do_not_hide_an_endpoint(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer(endpoints=("/s\u00fcche", "/default"))
    async with gateway(chain("a"), {"a": [peer]}) as server:
        for path in ("/s%C3%BCche", "/echo?x=1", "/livez"):
            async with http.post(url(server, path), data=BODY) as answer:
                assert answer.status == 200
    assert [request.endpoint for request in peer.requests] == ["/s\u00fcche", "/echo", "/livez"]


async def test_an_executor_without_the_endpoint_is_passed_through(
    http: aiohttp.ClientSession,
) -> None:
    first, second = LanePeer(name="a", endpoints=("/other",)), LanePeer(name="b")
    async with (
        gateway(chain("a", "b"), {"a": [first], "b": [second]}) as server,
        http.post(url(server, "/echo"), data=BODY) as answer,
    ):
        assert answer.status == 200
    assert not first.requests
    assert second.requests[0].accept == pb.CODEC_JSON


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_an_endpoint_takes_only_post(http: aiohttp.ClientSession, method: str) -> None:
    async with (
        gateway(chain("a"), {"a": [LanePeer()]}) as server,
        http.request(method, url(server, "/echo")) as answer,
    ):
        assert answer.status == 405
        assert answer.headers["Allow"] == "POST"
        assert (await error_of(answer))["code"] == "METHOD_NOT_ALLOWED"


async def test_a_page_that_is_not_there_is_not_found(http: aiohttp.ClientSession) -> None:
    async with (
        gateway(chain("a"), {"a": [LanePeer()]}) as server,
        http.get(url(server, "/nowhere")) as answer,
    ):
        assert answer.status == 404
        assert "/echo" in str((await error_of(answer))["message"])


async def test_a_body_over_the_limit_is_too_large(http: aiohttp.ClientSession) -> None:
    peer = LanePeer()

    async def chunks(size: int) -> AsyncIterator[bytes]:
        for _ in range(size // 500):
            yield b"x" * 500

    async with gateway(chain("a"), {"a": [peer]}, max_body_bytes=1000) as server:
        for body in (b"x" * 1001, chunks(1500), b"x" * 3_000_000, chunks(3_000_000)):
            async with http.post(url(server, "/echo"), data=body) as answer:
                assert answer.status == 413
                assert (await error_of(answer))["code"] == "TOO_LARGE"
        assert not peer.requests
        for body in (b"x" * 1000, chunks(1000)):
            async with http.post(url(server, "/echo"), data=body) as answer:
                assert answer.status == 200


async def test_a_large_body_survives_whole(http: aiohttp.ClientSession) -> None:
    body = bytes(range(256)) * 40_000
    async with (
        gateway(chain("a", "b"), {"a": [LanePeer()], "b": [LanePeer()]}) as server,
        http.post(url(server, "/echo"), data=body, expect100=True) as answer,
    ):
        assert await answer.read() == body


async def test_an_executors_failure_reaches_the_caller(http: aiohttp.ClientSession) -> None:
    def refuse(request: pb.Request) -> pb.Response:
        detail = json.dumps([{"loc": ["data", 0, "text"], "msg": "m", "type": "t"}]).encode()
        return pb.Response(
            code=pb.CODE_INVALID,
            failure=pb.Failure(message="text is not text", executor="a", detail=detail),
        )

    after = LanePeer(name="b")
    async with (
        gateway(chain("a", "b"), {"a": [LanePeer(answer=refuse)], "b": [after]}) as server,
        http.post(url(server, "/echo"), data=BODY) as answer,
    ):
        assert answer.status == 422
        error = await error_of(answer)
    assert error["executor"] == "a"
    assert error["message"] == "text is not text"
    assert error["detail"] == [{"loc": ["data", 0, "text"], "msg": "m", "type": "t"}]
    assert not after.requests


async def test_a_request_over_its_deadline_is_cancelled_in_the_executor(
    http: aiohttp.ClientSession,
) -> None:
    peer = LanePeer(answer=never)
    async with gateway(chain("a"), {"a": [peer]}) as server:
        headers = {"X-Request-Timeout": "0.05"}
        async with http.post(url(server, "/echo"), data=BODY, headers=headers) as answer:
            assert answer.status == 504
            error = await error_of(answer)
        assert error["code"] == "DEADLINE_EXCEEDED"
        assert "0.05 seconds" in str(error["message"])
        await until(lambda: peer.cancelled == [peer.requests[0].id])
        assert 0 < peer.requests[0].timeout_ms <= 50


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", "inf"])
async def test_a_timeout_that_is_no_time_is_malformed(
    http: aiohttp.ClientSession, text: str
) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}) as server:
        headers = {"X-Request-Timeout": text}
        async with http.post(url(server, "/echo"), data=BODY, headers=headers) as answer:
            assert answer.status == 400
            assert "X-Request-Timeout" in str((await error_of(answer))["message"])


async def test_a_timeout_of_ages_is_as_good_as_none(http: aiohttp.ClientSession) -> None:
    cases = [({"X-Request-Timeout": "1e300"}, 1000), ({}, 0)]
    for headers, own_timeout in cases:
        peer = LanePeer()
        async with (
            gateway(chain("a"), {"a": [peer]}, timeout_ms=own_timeout) as server,
            http.post(url(server, "/echo"), data=BODY, headers=headers) as answer,
        ):
            assert answer.status == 200
        assert peer.requests[0].timeout_ms >= 999_000_000


async def test_a_large_body_for_nobody_is_not_waited_for(http: aiohttp.ClientSession) -> None:
    released = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await released.wait()

    async with gateway(chain("a"), {"a": [LanePeer()]}) as server:
        async with http.post(url(server, "/nobody"), data=body()) as answer:
            assert answer.status == 404
        released.set()


async def test_an_executors_own_timeout_names_it(http: aiohttp.ClientSession) -> None:
    peer = LanePeer(answer=never)
    async with gateway(chain("a", timeout_ms=50), {"a": [peer]}) as server:
        async with http.post(url(server, "/echo"), data=BODY) as answer:
            assert answer.status == 504
            assert (await error_of(answer))["executor"] == "a"
        assert peer.requests[0].timeout_ms <= 50
        await until(lambda: bool(peer.cancelled))


async def test_a_caller_that_hangs_up_cancels_its_request(http: aiohttp.ClientSession) -> None:
    peer = LanePeer(answer=never)
    async with gateway(chain("a"), {"a": [peer]}) as server:
        call = asyncio.create_task(http.post(url(server, "/echo"), data=BODY).__aenter__())
        await until(lambda: bool(peer.requests))
        call.cancel()
        await until(lambda: peer.cancelled == [peer.requests[0].id])
        await until(lambda: server.gateway.in_flight == 0)


async def test_a_full_gateway_turns_requests_away_at_once(http: aiohttp.ClientSession) -> None:
    peer = LanePeer(answer=never)
    async with gateway(chain("a"), {"a": [peer]}, max_pending=2, drain_seconds=0.1) as server:
        calls = [
            asyncio.create_task(http.post(url(server, "/echo"), data=BODY).__aenter__())
            for _ in range(2)
        ]
        await until(lambda: len(peer.requests) == 2)
        async with http.post(url(server, "/echo"), data=BODY) as answer:
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "1"
            assert (await error_of(answer))["code"] == "OVERLOADED"
        for call in calls:
            call.cancel()


async def test_a_flow_without_executors_checks_and_returns_the_documents(
    http: aiohttp.ClientSession,
) -> None:
    async with gateway([]) as server:
        sent = {"data": [{"id": "1", "text": "a"}], "parameters": {"k": 1}}
        async with http.post(url(server, "/anything"), json=sent) as answer:
            told = await answer.json()
        assert told["data"] == sent["data"]
        assert told["parameters"] == {"k": 1}
        assert told["header"]["requestId"] == answer.headers["X-Request-ID"]
        async with http.post(url(server, "/x"), data=b'{"data": [') as answer:
            assert answer.status == 400
            assert "line 1" in str((await error_of(answer))["message"])
        async with http.post(url(server, "/x"), data=b'{"data": [5]}') as answer:
            assert answer.status == 422
            detail = (await error_of(answer))["detail"]
            assert isinstance(detail, list)
            assert [fault["loc"] for fault in detail] == [["data", 0]]


async def test_leaves_are_merged_by_id_in_declared_order(http: aiohttp.ClientSession) -> None:
    def with_field(name: str) -> LanePeer:
        def answer(request: pb.Request) -> pb.Response:
            body = json.dumps({"data": [{"id": "1", name: name, "both": name}]}).encode()
            return pb.Response(codec=pb.CODEC_JSON, body=body)

        return LanePeer(name=name, answer=answer)

    nodes = [NodeSettings(name=name, host=name) for name in ("b", "a")]
    peers = {name: [with_field(name)] for name in ("a", "b")}
    async with (
        gateway(nodes, peers) as server,
        http.post(url(server, "/echo"), data=BODY) as answer,
    ):
        told = await answer.json()
    assert told["data"] == [{"id": "1", "b": "b", "both": "b", "a": "a"}]
    assert told["header"]["requestId"] == answer.headers["X-Request-ID"]
    for (peer,) in peers.values():
        assert peer.requests[0].joined
        assert peer.requests[0].accept == pb.CODEC_BINARY
        assert peer.requests[0].parts[0].body == BODY


async def test_leaves_whose_answers_cannot_be_merged_are_named(
    http: aiohttp.ClientSession,
) -> None:
    nodes = [NodeSettings(name=name, host=name) for name in ("a", "b")]
    peers = {name: [LanePeer(name=name)] for name in ("a", "b")}
    async with (
        gateway(nodes, peers) as server,
        http.post(url(server, "/echo"), data=b"nonsense") as answer,
    ):
        assert answer.status == 500
        assert "a, b" in str((await error_of(answer))["message"])


async def test_other_origins_are_answered_only_where_cors_is_on(
    http: aiohttp.ClientSession,
) -> None:
    for cors, expected in ((True, "*"), (False, None)):
        async with gateway(chain("a"), {"a": [LanePeer(answer=echo)]}, cors=cors) as server:
            for method, path in (("POST", "/echo"), ("GET", "/status"), ("POST", "/nowhere")):
                async with http.request(method, url(server, path), data=BODY) as answer:
                    assert answer.headers.get("Access-Control-Allow-Origin") == expected
            async with http.options(url(server, "/echo")) as answer:
                assert (answer.status == 204) is cors
                assert answer.headers.get("Access-Control-Allow-Origin") == expected
                assert (
                    "X-Request-ID" in answer.headers.get("Access-Control-Allow-Headers", "")
                ) is (cors)
