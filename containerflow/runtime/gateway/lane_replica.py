"""A replica at the other end of a lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from containerflow.runtime.gateway.door import Address, NotTakenError
from containerflow.runtime.gateway.failure import failure, is_refusal
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import VERSION, Kind, Lane

CONNECT_SECONDS = 3.0
"""Longest wait for a TCP connection; an address that nobody holds swallows packets for minutes."""


class LaneReplica(Lane):
    """The Gateway's end of one lane: pairs answers with questions.

    Args:
        address: Where the replica is, for messages.
        changed: Called when the replica becomes ready, has room again, drains, or is gone.
    """

    def __init__(self, address: Address, changed: Callable[[], None]) -> None:
        super().__init__()
        self._address = address
        self._changed = changed
        self._pending: dict[int, asyncio.Future[pb.Response]] = {}
        self._last_id = 0
        self._welcome: asyncio.Future[pb.Description] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._draining = False

    @property
    def description(self) -> pb.Description:
        """What it serves."""
        return self._welcome.result()

    @property
    def outstanding(self) -> int:
        """Requests that it has not answered yet."""
        return len(self._pending)

    @property
    def is_ready(self) -> bool:
        """Whether it takes new requests."""
        return self.is_open and not self._draining and self._welcome.done()

    @property
    def has_room(self) -> bool:
        """Whether it is ready, and reads fast enough for a request to be sent at once."""
        return not self._paused and not self._draining and self.is_open

    def writable(self, ready: bool) -> None:
        """The replica reads too slowly, or has caught up."""
        if ready:
            self._changed()

    async def welcomed(self) -> None:
        """Wait until the replica has described itself; raises OSError if it hangs up instead."""
        await self._welcome

    async def gone(self) -> None:
        """Wait until the connection has ended."""
        # Shielded, because whoever stops waiting must not cancel it for the others.
        await asyncio.shield(self._gone)

    async def call(self, request: pb.Request) -> pb.Response:
        """Send a request and wait for its answer; sets the request's `id`."""
        if not self.is_open:
            raise NotTakenError
        self._last_id = number = self._last_id + 1
        request.id = number
        answer: asyncio.Future[pb.Response] = self._loop.create_future()
        self._pending[number] = answer
        self.send(Kind.REQUEST, request.SerializeToString())
        try:
            return await answer
        except asyncio.CancelledError:
            if self._pending.pop(number, None) is not None:
                self.send(Kind.CANCEL, pb.Cancel(ids=[number]).SerializeToString())
            raise

    def opened(self) -> None:
        """The connection stands: greet."""
        self.send(Kind.HELLO, pb.Hello(version=VERSION).SerializeToString())

    def received(self, frames: list[tuple[int, bytes]]) -> None:
        """Hand each answer to the call that waits for it."""
        pending = self._pending
        for kind, payload in frames:
            if kind == Kind.RESPONSE:
                response = pb.Response.FromString(payload)
                # None: the call was cancelled while the answer was on its way.
                answer = pending.pop(response.id, None)
                if answer is None or answer.done():
                    continue
                if response.code and is_refusal(response, draining=self._draining):
                    answer.set_exception(NotTakenError(response))
                else:
                    answer.set_result(response)
            elif kind == Kind.DRAINING:
                self._draining = True
                self._changed()
            elif kind == Kind.WELCOME:
                self._welcomed(pb.Welcome.FromString(payload))

    def _welcomed(self, welcome: pb.Welcome) -> None:
        if self._welcome.done():
            return
        if welcome.version == VERSION:
            self._welcome.set_result(welcome.description)
        else:
            self._welcome.set_exception(
                OSError(
                    f"The replica at {self._address} speaks version {welcome.version} of the lane,"
                    f" this Gateway version {VERSION}. Build both images with one containerflow."
                )
            )
            self.close()

    def closed(self, error: Exception | None) -> None:
        """The connection is gone: nobody knows how far the open requests came."""
        if not self._welcome.done():
            self._welcome.set_exception(
                OSError(f"The replica at {self._address} hung up before it was ready.")
            )
            # Read here in case nobody waits any more, which asyncio would complain about.
            self._welcome.exception()
        reason = f" ({error})" if error else ""
        for answer in self._pending.values():
            if not answer.done():
                answer.set_result(
                    failure(
                        pb.CODE_UNAVAILABLE,
                        f"The connection to the replica at {self._address} broke{reason} before it"
                        " answered; it may or may not have carried the request out. Its log may"
                        " say why.",
                    )
                )
        self._pending.clear()
        if not self._gone.done():
            self._gone.set_result(None)
        self._changed()


async def connect(address: Address, changed: Callable[[], None]) -> LaneReplica:
    """Open a lane and wait until the replica has described itself.

    Args:
        address: Where the replica is.
        changed: Called when the replica becomes ready, has room again, drains, or is gone.

    Raises:
        OSError: Nobody listens there, or the peer hung up or speaks another version.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_SECONDS):
        _, replica = await loop.create_connection(
            lambda: LaneReplica(address, changed), address.ip, address.port
        )
    try:
        # No timeout: a replica may load a model for minutes, and a dead one fails the keep-alive.
        await replica.welcomed()
    except BaseException:
        replica.abort()
        raise
    return replica
