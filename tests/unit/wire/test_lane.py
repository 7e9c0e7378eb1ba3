"""The lane: frames arrive whole and in order however TCP cuts them, and dead peers are found."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow.wire.lane import HEADER, MAX_PAYLOAD_BYTES, SILENT_CHECKS, Frame, Kind, Lane

CARRYING = [Kind.HELLO, Kind.WELCOME, Kind.REQUEST, Kind.RESPONSE, Kind.CANCEL, Kind.DRAINING]


class Recorder(Lane):
    """Keeps what it receives, batch by batch."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.batches: list[list[Frame]] = []
        self.pauses: list[bool] = []
        self.arrived = asyncio.Event()
        self.opening = self._loop.create_future()
        self.closing: asyncio.Future[Exception | None] = self._loop.create_future()

    @property
    def frames(self) -> list[Frame]:
        return [frame for batch in self.batches for frame in batch]

    def opened(self) -> None:
        self.opening.set_result(None)

    def received(self, frames: list[Frame]) -> None:
        self.batches.append(frames)
        self.arrived.set()

    def writable(self, ready: bool) -> None:
        self.pauses.append(ready)
        self.arrived.set()

    def closed(self, error: Exception | None) -> None:
        self.closing.set_result(error)
        self.arrived.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.arrived.clear()
            await self.arrived.wait()


class Wire(asyncio.Transport):
    """What a lane writes, kept in order; for tests of framing alone."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.aborted = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


@asynccontextmanager
async def connected(keep_alive: float = 3600) -> AsyncIterator[tuple[Recorder, Recorder]]:
    """Both ends of a lane over a real connection; the right one never pings."""
    loop = asyncio.get_running_loop()
    accepted: asyncio.Queue[Recorder] = asyncio.Queue()

    def accept() -> Recorder:
        lane = Recorder(keep_alive=3600)
        accepted.put_nowait(lane)
        return lane

    server = await loop.create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, left = await loop.create_connection(
        lambda: Recorder(keep_alive=keep_alive), "127.0.0.1", port
    )
    right = await accepted.get()
    await right.opening
    yield left, right
    left.abort()
    right.abort()
    server.close()
    await asyncio.gather(left.closing, right.closing)


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Recorder, Recorder]]:
    async with connected() as ends:
        yield ends


frames = st.lists(st.tuples(st.sampled_from(CARRYING), st.binary(max_size=300)), max_size=12)


@given(frames=frames, data=st.data())
def test_any_cutting_of_any_frames_gives_the_same_frames(frames, data):
    async def cut() -> list[Frame]:
        stream = b"".join(HEADER.pack(len(payload), kind) + payload for kind, payload in frames)
        places = st.lists(st.integers(0, len(stream)), max_size=20).map(sorted)
        cuts = [0, *data.draw(places), len(stream)]
        lane = Recorder()
        lane.connection_made(Wire())
        for start, end in pairwise(cuts):
            lane.data_received(stream[start:end])
        lane.connection_lost(None)
        return lane.frames

    assert asyncio.run(cut()) == frames


@given(frames=frames)
def test_all_that_was_sent_in_one_turn_goes_out_in_one_write(frames):
    async def send() -> list[bytes]:
        wire = Wire()
        lane = Recorder()
        lane.connection_made(wire)
        for kind, payload in frames:
            lane.send(kind, payload)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        lane.connection_lost(None)
        return wire.writes

    stream = b"".join(HEADER.pack(len(payload), kind) + payload for kind, payload in frames)
    assert asyncio.run(send()) == ([stream] if stream else [])


async def test_frames_arrive_in_order_over_a_real_connection(pair):
    left, right = pair
    sent = [(Kind.REQUEST, bytes([index % 256]) * (index * 37 % 5000)) for index in range(500)]
    for kind, payload in sent:
        left.send(kind, payload)
    await right.until(lambda: len(right.frames) == len(sent))
    assert right.frames == sent


async def test_a_large_payload_arrives_whole(pair):
    left, right = pair
    payload = bytes(range(256)) * 64 * 1024
    left.send(Kind.REQUEST, payload)
    left.send(Kind.CANCEL, b"after")
    await right.until(lambda: len(right.frames) == 2)
    assert right.frames == [(Kind.REQUEST, payload), (Kind.CANCEL, b"after")]


async def test_a_ping_is_answered_and_neither_end_sees_it(pair):
    left, right = pair
    left.send(Kind.PING)
    left.send(Kind.REQUEST, b"x")
    await right.until(lambda: bool(right.frames))
    right.send(Kind.RESPONSE, b"y")
    await left.until(lambda: bool(left.frames))
    assert (right.frames, left.frames) == ([(Kind.REQUEST, b"x")], [(Kind.RESPONSE, b"y")])


async def test_a_kind_that_nobody_knows_is_handed_on():
    lane = Recorder()
    lane.connection_made(Wire())
    lane.data_received(HEADER.pack(1, 200) + b"x")
    lane.connection_lost(None)
    assert lane.frames == [(200, b"x")]


async def test_a_length_that_no_peer_of_ours_would_send_ends_the_connection():
    wire = Wire()
    lane = Recorder()
    lane.connection_made(wire)
    lane.data_received(HEADER.pack(MAX_PAYLOAD_BYTES + 1, Kind.REQUEST))
    lane.connection_lost(None)
    assert wire.aborted
    assert not lane.frames


async def test_closing_sends_what_is_queued(pair):
    left, right = pair
    left.send(Kind.RESPONSE, b"last words")
    left.close()
    await right.until(right.closing.done)
    assert right.frames == [(Kind.RESPONSE, b"last words")]
    assert not left.is_open


async def test_what_is_sent_after_the_end_is_dropped(pair):
    left, right = pair
    right.abort()
    await left.until(left.closing.done)
    left.send(Kind.REQUEST, b"x")
    assert not left.is_open


async def test_a_peer_that_does_not_read_pauses_the_sender_until_it_does(pair):
    left, right = pair
    right.hold_reading(True)
    count = 0
    while not left.is_paused:
        left.send(Kind.REQUEST, bytes(1 << 20))
        count += 1
        await asyncio.sleep(0)
    assert left.pauses == [False]
    right.hold_reading(False)
    await right.until(lambda: len(right.frames) == count)
    await left.until(lambda: not left.is_paused)
    assert left.pauses == [False, True]


async def test_a_peer_that_never_answers_is_given_up():
    silent = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    _, lane = await asyncio.get_running_loop().create_connection(
        lambda: Recorder(keep_alive=0.02), "127.0.0.1", port
    )
    await lane.closing
    silent.close()
    assert not lane.is_open


async def test_a_silent_peer_that_answers_pings_is_kept():
    async with connected(keep_alive=0.02) as (left, right):
        await asyncio.sleep(SILENT_CHECKS * 0.02 * 5)
        assert left.is_open
        assert not right.frames


async def test_an_end_that_was_held_up_itself_does_not_blame_its_peer():
    async with connected(keep_alive=0.02) as (left, _):
        for _ in range(3):
            time.sleep(SILENT_CHECKS * 0.02 * 3)
            await asyncio.sleep(0)
            assert left.is_open


async def test_an_end_that_does_not_listen_does_not_take_its_peer_for_dead():
    async with connected(keep_alive=0.02) as (left, _):
        left.hold_reading(True)
        await asyncio.sleep(SILENT_CHECKS * 0.02 * 5)
        assert left.is_open
