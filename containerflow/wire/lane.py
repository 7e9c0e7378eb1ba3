"""The lane: one TCP connection from a Gateway to a replica, carrying coalesced frames.

A frame is a big-endian 32-bit payload length, one byte of kind, and the payload, which is a
message of contract.proto (or nothing, for ping, pong and draining). Whatever was sent since the
event loop's last turn goes out in one write, and whatever one read brings in is handed on as one
batch: a lone request pays one hop, a crowd of them shares it.

The Gateway opens the connection and says HELLO; the replica answers WELCOME with its description
once it is ready. Either side pings a silent peer and hangs up on a dead one. A replica that is
about to stop says DRAINING: it answers what it has, and takes nothing new.
"""

from __future__ import annotations

import asyncio
import struct
from enum import IntEnum
from typing import cast

VERSION = 1
"""Version of this protocol, exchanged in HELLO and WELCOME."""

MAX_PAYLOAD_BYTES = 1 << 30
"""A longer length can only come from a peer that speaks something else."""

KEEP_ALIVE_SECONDS = 10.0
"""Each end looks this often whether its peer has said anything since, and pings it if not."""

SILENT_CHECKS = 3
"""A peer that was silent at this many looks in a row is given up."""

HEADER = struct.Struct(">IB")


class Kind(IntEnum):
    """What a frame carries."""

    HELLO = 1
    WELCOME = 2
    REQUEST = 3
    RESPONSE = 4
    CANCEL = 5
    PING = 6
    PONG = 7
    DRAINING = 8


Frame = tuple[int, bytes]
"""A kind and a payload. The kind is a plain int: a newer peer may send one we do not know."""


class Lane(asyncio.Protocol):
    """One end of a lane: frames in batches, keep-alive, and back-pressure.

    Subclasses override `opened`, `received`, `closed` and, where they can hold back,
    `writable`. All of them run on the event loop.

    Args:
        keep_alive: Seconds between two looks at whether the peer is alive.
    """

    def __init__(self, *, keep_alive: float = KEEP_ALIVE_SECONDS) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep_alive = keep_alive
        self._transport: asyncio.Transport | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._wanted = HEADER.size
        self._outgoing: list[bytes] = []
        self._flush_scheduled = False
        self._paused = False
        self._holding = False
        self._heard = False
        self._silent_checks = 0
        self._timer: asyncio.TimerHandle | None = None

    def opened(self) -> None:
        """The connection stands."""

    def received(self, frames: list[Frame]) -> None:
        """One read's worth of frames; keep-alive is answered before and is not among them."""

    def closed(self, error: Exception | None) -> None:
        """The connection is gone; `error` says why unless it was closed in order."""

    def writable(self, ready: bool) -> None:
        """The peer reads too slowly (False), or has caught up (True)."""

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_paused(self) -> bool:
        """Whether the peer reads too slowly for more to be sent."""
        return self._paused

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Queue a frame for the loop's next turn; dropped if the connection is gone."""
        if self._transport is None:
            return
        self._outgoing.append(HEADER.pack(len(payload), kind))
        if payload:
            self._outgoing.append(payload)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is queued, then hang up."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        if self._transport is not None:
            self._transport.abort()

    def hold_reading(self, hold: bool) -> None:
        """Stop or go on reading, so that a busy end slows its peer instead of filling memory."""
        if self._transport is None or self._transport.is_closing():
            return
        self._holding = hold
        if hold:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _flush(self) -> None:
        self._flush_scheduled = False
        if self._outgoing and self._transport is not None:
            # One write and so one system call for all that gathered in this turn of the loop.
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(self._keep_alive, self._check_peer)
        self.opened()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self._transport = None
        self._outgoing.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.closed(exc)

    def pause_writing(self) -> None:
        """Called by asyncio."""
        self._paused = True
        self.writable(False)

    def resume_writing(self) -> None:
        """Called by asyncio."""
        self._paused = False
        self.writable(True)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: cut frames out of what has come so far."""
        self._heard = True
        self._buffered += len(data)
        if self._chunks:
            self._chunks.append(data)
            if self._buffered < self._wanted:
                # A large payload arrives in many reads: joined once, when it is whole.
                return
            data = b"".join(self._chunks)
            self._chunks.clear()
        frames: list[Frame] = []
        offset, end = 0, len(data)
        self._wanted = HEADER.size
        while end - offset >= HEADER.size:
            length, kind = HEADER.unpack_from(data, offset)
            if length > MAX_PAYLOAD_BYTES:
                self.abort()
                return
            start = offset + HEADER.size
            if end - start < length:
                self._wanted = HEADER.size + length
                break
            offset = start + length
            if kind == Kind.PING:
                self.send(Kind.PONG)
            elif kind != Kind.PONG:
                frames.append((kind, data[start:offset]))
        self._buffered = end - offset
        if offset < end:
            self._chunks.append(data[offset:])
        if frames:
            self.received(frames)

    def _check_peer(self) -> None:
        # Checks are counted, not seconds: after this process itself was held up (by a handler on
        # the loop, or a suspended machine), what the peer sent meanwhile is yet to be read.
        if self._heard or self._holding:
            self._silent_checks = 0
        else:
            self._silent_checks += 1
            if self._silent_checks >= SILENT_CHECKS:
                self.abort()
                return
            self.send(Kind.PING)
        self._heard = False
        self._timer = self._loop.call_later(self._keep_alive, self._check_peer)
