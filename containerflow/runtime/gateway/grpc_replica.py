"""A replica behind the published gRPC contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from containerflow.runtime.gateway.door import Address, NotTakenError
from containerflow.runtime.gateway.failure import failure
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc

CONNECT_SECONDS = 3.0

_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # The private network is no business of the environment's proxy.
    ("grpc.enable_http_proxy", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # Each replica needs a connection of its own, which gRPC would share between equal addresses.
    ("grpc.use_local_subchannel_pool", 1),
]


class GrpcReplica:
    """One replica, called by gRPC.

    Args:
        address: Where it is, for messages.
        channel: Connected to it.
        description: What it said of itself.
        changed: Called when it is gone.
    """

    def __init__(
        self,
        address: Address,
        channel: grpc.aio.Channel,
        description: pb.Description,
        changed: Callable[[], None],
    ) -> None:
        self._address = address
        self._channel = channel
        self._description = description
        self._changed = changed
        self._stub: Any = _stub(channel)
        self._outstanding = 0
        self._ready = True
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch gRPC {address}")

    @property
    def description(self) -> pb.Description:
        """What it serves."""
        return self._description

    @property
    def outstanding(self) -> int:
        """Requests that it has not answered yet."""
        return self._outstanding

    @property
    def is_ready(self) -> bool:
        """Whether it takes new requests."""
        return self._ready

    async def gone(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self._gone)

    def close(self) -> None:
        """Hang up."""
        self._watcher.cancel()

    async def call(self, request: pb.Request) -> pb.Response:
        """Send a request and wait for its answer."""
        if not self._ready:
            raise NotTakenError
        self._outstanding += 1
        try:
            response: pb.Response = await self._stub.Call(
                request, timeout=request.timeout_ms / 1000 or None
            )
        except grpc.aio.AioRpcError as error:
            return self._failure(error)
        finally:
            self._outstanding -= 1
        if response.code == pb.CODE_OVERLOADED:
            raise NotTakenError(response)
        return response

    def _failure(self, error: grpc.aio.AioRpcError) -> pb.Response:
        # gRPC itself has tried again what certainly did not reach the replica.
        codes = {
            grpc.StatusCode.DEADLINE_EXCEEDED: pb.CODE_DEADLINE_EXCEEDED,
            grpc.StatusCode.RESOURCE_EXHAUSTED: pb.CODE_OVERLOADED,
            grpc.StatusCode.CANCELLED: pb.CODE_CANCELLED,
            grpc.StatusCode.UNAVAILABLE: pb.CODE_UNAVAILABLE,
        }
        code = codes.get(error.code(), pb.CODE_FAILED)
        return failure(
            code,
            f"The call to {self._address} ended with {error.code().name}: {error.details()}",
        )

    async def _watch(self) -> None:
        try:
            state = self._channel.get_state()
            while state is grpc.ChannelConnectivity.READY:
                await self._channel.wait_for_state_change(state)
                state = self._channel.get_state()
        finally:
            self._ready = False
            if not self._gone.done():
                self._gone.set_result(None)
            self._changed()
            await self._channel.close()


async def connect(address: Address, changed: Callable[[], None]) -> GrpcReplica:
    """Open a channel and ask the replica what it serves.

    Args:
        address: Where the replica is.
        changed: Called when it is gone.

    Raises:
        OSError: Nobody answers there.
    """
    channel = grpc.aio.insecure_channel(str(address), options=_OPTIONS)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await channel.channel_ready()
            description = await _stub(channel).Describe(pb.DescribeRequest())
    except grpc.aio.AioRpcError as error:
        await channel.close()
        raise OSError(f"{address} does not describe itself: {error.details()}") from error
    except BaseException:
        await channel.close()
        raise
    return GrpcReplica(address, channel, description, changed)


def _stub(channel: grpc.aio.Channel) -> Any:
    # The generated code carries no types.
    return contract_pb2_grpc.ExecutorStub(channel)  # type: ignore[no-untyped-call]
