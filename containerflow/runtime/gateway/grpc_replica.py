"""A replica behind the published gRPC contract."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from containerflow.runtime.gateway.door import Address, NotTakenError
from containerflow.runtime.gateway.failure import failure, is_refusal
from containerflow.wire import contract_pb2 as pb
from containerflow.wire import contract_pb2_grpc

CONNECT_SECONDS = 3.0

LONGEST_DRAIN_SECONDS = 600.0
"""For the answers of a replica that drains; each call has its own deadline, usually an earlier one.
"""

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
        changed: Called when it takes no more requests, and when it is gone.
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
        self._left = asyncio.Event()
        self._idle = asyncio.Event()
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watcher = asyncio.create_task(self._watch(), name=f"watch gRPC {address}")
        self._life = asyncio.create_task(self._live(), name=f"hold gRPC {address}")

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

    @property
    def has_room(self) -> bool:
        """Whether it takes new requests; gRPC itself slows down for a replica that reads slowly."""
        return self._ready

    async def gone(self) -> None:
        """Wait until the connection has ended."""
        await asyncio.shield(self._gone)

    def close(self) -> None:
        """Hang up."""
        self._life.cancel()

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
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The channel was closed under the call, which gRPC tells in this way.
            return failure(
                pb.CODE_UNAVAILABLE,
                f"The connection to the replica at {self._address} was closed before it answered;"
                " it may or may not have carried the request out.",
            )
        finally:
            self._outstanding -= 1
            if not self._outstanding and not self._ready:
                self._idle.set()
        if response.code and is_refusal(response, draining=not self._ready):
            if response.code == pb.CODE_UNAVAILABLE:
                # It drains: gRPC's own notice comes only when the server stops.
                self._leave()
            raise NotTakenError(response)
        return response

    def _failure(self, error: grpc.aio.AioRpcError) -> pb.Response:
        if error.code() is grpc.StatusCode.UNAVAILABLE and _never_sent(error):
            self._leave()
            raise NotTakenError from error
        codes = {
            grpc.StatusCode.DEADLINE_EXCEEDED: pb.CODE_DEADLINE_EXCEEDED,
            grpc.StatusCode.RESOURCE_EXHAUSTED: pb.CODE_OVERLOADED,
            # Nobody here has cancelled it: so ends what a server that stops has not finished.
            grpc.StatusCode.CANCELLED: pb.CODE_UNAVAILABLE,
            grpc.StatusCode.UNAVAILABLE: pb.CODE_UNAVAILABLE,
        }
        code = codes.get(error.code(), pb.CODE_FAILED)
        return failure(
            code,
            f"The call to {self._address} ended with {error.code().name}: {error.details()}",
        )

    def _leave(self) -> None:
        """Take nothing new; what is in flight may still be answered."""
        if not self._ready:
            return
        self._ready = False
        self._left.set()
        if not self._outstanding:
            self._idle.set()
        self._changed()

    async def _watch(self) -> None:
        state = self._channel.get_state()
        while state is grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state()
        self._leave()

    async def _live(self) -> None:
        """Hold the channel until the replica has left and answered what it had taken on."""
        try:
            await self._left.wait()
            # A replica that drains ends the channel's READY first, and answers afterwards.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_DRAIN_SECONDS):
                    await self._idle.wait()
        finally:
            self._ready = False
            self._watcher.cancel()
            if not self._gone.done():
                self._gone.set_result(None)
            self._changed()
            await self._channel.close()


def _never_sent(error: grpc.aio.AioRpcError) -> bool:
    """Whether a call failed for want of a connection, before anything of it was sent.

    gRPC itself has tried again what a server that went away has certainly not seen, so this is
    how such a call ends as well.
    """
    return (error.details() or "").startswith("failed to connect to all addresses")


async def connect(address: Address, changed: Callable[[], None]) -> GrpcReplica:
    """Open a channel and ask the replica what it serves.

    Args:
        address: Where the replica is.
        changed: Called when it takes no more requests, and when it is gone.

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
