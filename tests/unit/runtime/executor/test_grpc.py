"""The gRPC door, with a real channel."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.contract_pb2_grpc import ExecutorStub

from .peer import served, server_of, texts, written
from .test_service import GATED, ONE

BODY = [pb.Part(codec=pb.CODEC_JSON, body=b'{"data":[{"text":"a"}]}')]
SERVICE = "containerflow.v1.Executor"


def channel(server):
    return grpc.aio.insecure_channel(f"127.0.0.1:{server.grpc_port}")


async def test_grpc_starts_with_the_first_connection_and_answers_it(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _):
        assert not server._grpc.is_started
        for _ in range(2):
            async with channel(server) as opened:
                response = await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY))
                assert texts(response) == ["a"]
            assert server._grpc.is_started


async def test_many_first_connections_at_once_are_all_answered(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _):

        async def one(number):
            # Channels of one target share a connection unless they differ in an option.
            options = [("grpc.use_local_subchannel_pool", 1), ("number", number)]
            address = f"127.0.0.1:{server.grpc_port}"
            async with grpc.aio.insecure_channel(address, options) as opened:
                return await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY))

        responses = await asyncio.gather(*(one(number) for number in range(8)))
        assert [texts(response) for response in responses] == [["a"]] * 8


async def test_a_large_body_passes(tmp_path):
    text = "x" * (8 << 20)
    body = b'{"data":[{"text":"' + text.encode() + b'"}]}'
    parts = [pb.Part(codec=pb.CODEC_JSON, body=body)]
    options = [("grpc.max_receive_message_length", -1)]
    async with served(written(tmp_path, GATED)) as (server, _):
        address = f"127.0.0.1:{server.grpc_port}"
        async with grpc.aio.insecure_channel(address, options) as opened:
            response = await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=parts))
            assert texts(response) == [text]


async def test_a_failure_is_said_in_the_answer_as_on_the_lane(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        response = await ExecutorStub(opened).Call(pb.Request(endpoint="/nowhere"))
        assert response.code == pb.CODE_NOT_FOUND
        assert response.failure.executor == "worker"


async def test_a_request_without_an_id_gets_one(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        response = await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY))
        assert b'"header":{"requestId":"' in response.body


async def test_describe_says_what_the_lane_says(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, peer), channel(server) as opened:
        description = await ExecutorStub(opened).Describe(pb.DescribeRequest())
        assert description == (await peer.welcome).description


async def test_the_callers_deadline_reaches_the_handler(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        stub = ExecutorStub(opened)
        await stub.Call(pb.Request(endpoint="/pass", parts=BODY))
        # Both ends watch the clock: whichever says so first, the handler does not go on.
        answer = stub.Call(pb.Request(endpoint="/wait-async", parts=BODY), timeout=0.3)
        if await answer.code() == grpc.StatusCode.OK:
            assert (await answer).code == pb.CODE_DEADLINE_EXCEEDED
        else:
            assert await answer.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        while server._executor.cancelled != ["a"]:
            await asyncio.sleep(0.001)


async def test_a_cancelled_call_cancels_the_handler(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        call = ExecutorStub(opened).Call(pb.Request(endpoint="/wait-async", parts=BODY))
        while server._executor.ran != ["a"]:
            await asyncio.sleep(0.001)
        call.cancel()
        while server._executor.cancelled != ["a"]:
            await asyncio.sleep(0.001)


async def test_both_doors_share_one_bound(tmp_path):
    async with served(written(tmp_path, GATED), max_pending=1) as (server, peer):
        held = peer.ask("/wait", ONE)
        async with channel(server) as opened:
            response = await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY))
            assert response.code == pb.CODE_OVERLOADED
        server._executor.gate.set()
        await held


@pytest.mark.parametrize("service", ["", "worker", SERVICE])
async def test_health_answers_for_all_the_executor_and_the_contract(tmp_path, service):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        stub = health_pb2_grpc.HealthStub(opened)
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_services(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _), channel(server) as opened:
        stub = reflection_pb2_grpc.ServerReflectionStub(opened)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]))
        answer = await call.read()
        names = {one.name for one in answer.list_services_response.service}
        assert {SERVICE, "grpc.health.v1.Health"} <= names


async def test_draining_finishes_a_call_in_flight_and_ends(tmp_path):
    server = server_of(written(tmp_path, GATED))
    await server.open()
    await server.make_ready()
    async with channel(server) as opened:
        call = ExecutorStub(opened).Call(pb.Request(endpoint="/wait", parts=BODY))
        while server._executor.ran != ["a"]:
            await asyncio.sleep(0.001)
        closing = asyncio.create_task(server.close())
        while server.readiness().ready:
            await asyncio.sleep(0.001)
        server._executor.gate.set()
        assert texts(await call) == ["a"]
        await closing


async def test_a_channel_that_stays_open_does_not_keep_the_executor(tmp_path):
    server = server_of(written(tmp_path, GATED), drain_seconds=0.2)
    await server.open()
    await server.make_ready()
    async with channel(server) as opened:
        await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY))
        await server.close()
        with pytest.raises(grpc.aio.AioRpcError):
            await ExecutorStub(opened).Call(pb.Request(endpoint="/pass", parts=BODY), timeout=1)
