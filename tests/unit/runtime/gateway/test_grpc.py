"""The gRPC port, by a real client; and gRPC as the way to an Executor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from containerflow.runtime.gateway.door import Address
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc
from containerflow.wire.settings import NodeSettings
from tests.unit.runtime.gateway.lane_peer import LanePeer
from tests.unit.runtime.gateway.running import Names, chain, gateway, until, url

BODY = b'{"data":[{"text":"a"}]}'
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@asynccontextmanager
async def stub(port: int) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield contract_pb2_grpc.ExecutorStub(channel)  # type: ignore[no-untyped-call]


def request(**fields: Any) -> pb.Request:
    parts = [pb.Part(codec=pb.CODEC_JSON, body=BODY)]
    return pb.Request(**{"endpoint": "/echo", "parts": parts, **fields})


async def never(request: pb.Request) -> pb.Response:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize("codec", [pb.CODEC_JSON, pb.CODEC_BINARY])
async def test_a_call_passes_the_flow_and_keeps_its_codec(codec: pb.Codec) -> None:
    peers = {name: [LanePeer(name=name)] for name in ("a", "b")}
    async with (
        gateway(chain("a", "b"), peers, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        sent = request(id=5, request_id="mine", accept=codec, parts=[pb.Part(body=b"x")])
        response = await flow.Call(sent)
    assert (response.code, response.id, response.body) == (pb.CODE_OK, 5, b"x")
    last = peers["b"][0].requests[0]
    assert (last.accept, last.request_id) == (codec, "mine")


async def test_a_callers_join_reaches_the_first_executor_in_its_order() -> None:
    peer = LanePeer()
    parts = [pb.Part(source=name, body=name.encode()) for name in ("r", "l")]
    async with (
        gateway(chain("a"), {"a": [peer]}, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        await flow.Call(request(parts=parts, joined=True))
    assert [part.source for part in peer.requests[0].parts] == ["r", "l"]
    assert peer.requests[0].joined


async def test_failures_are_answers_with_a_code() -> None:
    async with (
        gateway(chain("a"), {"a": [LanePeer()]}, protocols=("grpc",), max_body_bytes=100) as server,
        stub(server.ports[0]) as flow,
    ):
        response = await flow.Call(request(endpoint="/nobody"))
        assert response.code == pb.CODE_NOT_FOUND
        assert "/echo" in response.failure.message
        response = await flow.Call(request(parts=[pb.Part(body=b"x" * 101)]))
        assert response.code == pb.CODE_TOO_LARGE


async def test_the_shorter_of_both_deadlines_counts() -> None:
    peer = LanePeer(answer=never)
    async with (
        gateway(chain("a"), {"a": [peer]}, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        response = await flow.Call(request(timeout_ms=50), timeout=30)
        assert response.code == pb.CODE_DEADLINE_EXCEEDED
        # gRPC at the caller and the Gateway watch the same deadline: either may be first.
        answers = await asyncio.gather(
            flow.Call(request(timeout_ms=30_000), timeout=0.05), return_exceptions=True
        )
        answer: Any = answers[0]
        if isinstance(answer, grpc.aio.AioRpcError):
            assert answer.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        else:
            assert answer.code == pb.CODE_DEADLINE_EXCEEDED
        await until(lambda: len(peer.cancelled) == 2)
    assert all(0 < seen.timeout_ms <= 50 for seen in peer.requests)


async def test_a_cancelled_call_is_cancelled_in_the_executor() -> None:
    peer = LanePeer(answer=never)
    async with (
        gateway(chain("a"), {"a": [peer]}, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        call = flow.Call(request())
        await until(lambda: bool(peer.requests))
        call.cancel()
        await until(lambda: peer.cancelled == [peer.requests[0].id])


async def test_describe_tells_the_whole_flows_endpoints() -> None:
    peers = {
        "a": [LanePeer(name="a", endpoints=("/index", "/search"))],
        "b": [LanePeer(name="b", endpoints=("/search",))],
    }
    async with (
        gateway(chain("a", "b"), peers, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        description = await flow.Describe(pb.DescribeRequest())
    assert description.name == "test"
    assert [endpoint.name for endpoint in description.endpoints] == ["/index", "/search"]
    assert json.loads(description.endpoints[1].output_schema)["title"] == "Text"


async def test_several_first_executors_give_one_self_contained_schema() -> None:
    nodes = [NodeSettings(name=name, host=name) for name in ("a", "b")]
    first, second = LanePeer(name="a"), LanePeer(name="b")
    second.description = lambda: pb.Description(  # type: ignore[method-assign]
        endpoints=[pb.Endpoint(name="/echo", input_schema=b'{"title": "Other", "type": "object"}')]
    )
    async with (
        gateway(nodes, {"a": [first], "b": [second]}, protocols=("grpc",)) as server,
        stub(server.ports[0]) as flow,
    ):
        description = await flow.Describe(pb.DescribeRequest())
    schema = json.loads(description.endpoints[0].input_schema)
    assert schema["allOf"] == [{"$ref": "#/$defs/Text"}, {"$ref": "#/$defs/Other"}]
    assert set(schema["$defs"]) == {"Text", "Other"}


async def test_health_tells_of_the_flow_and_of_each_executor() -> None:
    first = await LanePeer(name="a").start()
    names = Names({"a": [first]})
    async with (
        gateway(chain("a", "b"), names=names, wait=False, protocols=("grpc",)) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.ports[0]}") as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]

        async def state(service: str) -> int:
            answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
            return int(answer.status)

        await until(lambda: server.gateway.services()["a"].ready == 1)
        while await state("a") != SERVING:
            await asyncio.sleep(0.005)
        assert await state("b") == NOT_SERVING
        assert await state("") == NOT_SERVING
        second = await LanePeer(name="b").start()
        names.addresses["b"] = {Address("127.0.0.1", second.port)}
        while await state("") != SERVING:
            await asyncio.sleep(0.005)
        with pytest.raises(grpc.aio.AioRpcError, match="NOT_FOUND"):
            await state("nobody")
    await first.close()
    await second.close()


async def test_reflection_lists_the_contract() -> None:
    async with (
        gateway(chain("a"), {"a": [LanePeer()]}, protocols=("grpc",)) as server,
        grpc.aio.insecure_channel(f"127.0.0.1:{server.ports[0]}") as channel,
    ):
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)  # type: ignore[no-untyped-call]
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        call = reflection.ServerReflectionInfo(iter([question]))
        answer = await call.read()
    assert {service.name for service in answer.list_services_response.service} == {
        "containerflow.v1.Executor",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_one_gateway_speaks_several_protocols_at_once(http: aiohttp.ClientSession) -> None:
    protocols = ("grpc", "http", "http")
    async with gateway(chain("a"), {"a": [LanePeer()]}, protocols=protocols) as server:
        assert len(set(server.ports)) == 3
        async with stub(server.ports[0]) as flow:
            assert (await flow.Call(request())).body == BODY
        for port in server.ports[1:]:
            async with http.post(f"http://127.0.0.1:{port}/echo", data=BODY) as answer:
                assert await answer.read() == BODY


async def test_a_flow_stands_in_an_executors_place_by_grpc(http: aiohttp.ClientSession) -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}, protocols=("grpc",)) as inner:
        names = Names({})
        names.addresses["test"] = {Address("127.0.0.1", inner.ports[0])}
        async with gateway(chain("test", transport="grpc"), names=names) as outer:
            async with http.post(url(outer, "/echo"), data=BODY) as answer:
                assert await answer.read() == BODY
            async with http.post(url(outer, "/nobody"), data=BODY) as answer:
                assert answer.status == 404
            headers = {"X-Request-Timeout": "0.05"}
            peer.answer = never
            async with http.post(url(outer, "/echo"), data=BODY, headers=headers) as answer:
                assert answer.status == 504
            await until(lambda: bool(peer.cancelled))


async def test_a_grpc_replica_that_went_away_is_reconnected_when_it_is_back(
    http: aiohttp.ClientSession,
) -> None:
    names = Names({})
    async with gateway(chain("test", transport="grpc"), names=names, wait=False) as outer:
        async with gateway(chain("a"), {"a": [LanePeer()]}, protocols=("grpc",)) as inner:
            names.addresses["test"] = {Address("127.0.0.1", inner.ports[0])}
            await until(outer.gateway.is_ready)
        await until(lambda: not outer.gateway.is_ready())
        async with gateway(chain("a"), {"a": [LanePeer()]}, protocols=("grpc",)) as inner:
            names.addresses["test"] = {Address("127.0.0.1", inner.ports[0])}
            await until(outer.gateway.is_ready)
            async with http.post(url(outer, "/echo"), data=BODY) as answer:
                assert answer.status == 200
