"""How requests are taken on, bounded, cancelled and drained, over real lanes."""

import asyncio
import json
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.lane import VERSION, Kind

from .peer import connect, served, server_of, texts, written

ONE = {"data": [{"text": "a"}]}

GATED = """
class Gated(Executor):
    def __init__(self, **kwargs):
        self.gate = threading.Event()
        self.loop_gate = asyncio.Event()
        self.ran = []
        self.cancelled = []
        self.closed_in = None

    @requests(on="/wait")
    def wait(self, docs: list[Text], **kwargs):
        self.ran.append(docs[0].text)
        self.gate.wait()

    @requests(on="/wait-async")
    async def wait_async(self, docs: list[Text], **kwargs):
        self.ran.append(docs[0].text)
        try:
            await self.loop_gate.wait()
        except asyncio.CancelledError:
            self.cancelled.append(docs[0].text)
            raise

    @requests(on="/pass")
    def let_pass(self, docs: list[Text], **kwargs):
        self.ran.append(docs[0].text)

    @requests(on="/open", blocking=False)
    def open_gate(self, **kwargs):
        self.gate.set()

    @requests(on="/ran", blocking=False)
    def tell(self, **kwargs):
        return {"ran": self.ran, "cancelled": self.cancelled}
"""


def named(text):
    return {"data": [{"text": text}]}


async def told(peer):
    answer = json.loads((await peer.ask("/ran")).body)
    return answer["parameters"]["__results__"]["worker"]


async def test_an_endpoint_that_nobody_serves_lists_the_known_ones(tmp_path):
    source = """
        class Two(Executor):
            @requests(on="/b")
            def b(self, **kwargs): ...
            @requests(on="/a")
            def a(self, **kwargs): ...
    """
    async with served(written(tmp_path, source)) as (_, peer):
        response = await peer.ask("/c")
        assert response.code == pb.CODE_NOT_FOUND
        assert response.failure.message.endswith("Known endpoints: /a, /b.")
        assert not response.failure.refused


async def test_the_fallback_serves_every_endpoint_without_a_handler_of_its_own(tmp_path):
    source = """
        class Falls(Executor):
            @requests
            def fallback(self, docs: list[Text], **kwargs):
                docs[0].text = "fallback"
            @requests(on="/own")
            def own(self, docs: list[Text], **kwargs):
                docs[0].text = "own"
    """
    async with served(written(tmp_path, source)) as (_, peer):
        assert texts(await peer.ask("/own", ONE)) == ["own"]
        assert texts(await peer.ask("/any", ONE)) == ["fallback"]


async def test_sync_handlers_run_one_after_the_other_in_the_order_of_arrival(tmp_path):
    source = """
        class Orders(Executor):
            def __init__(self, **kwargs):
                self.inside = 0
            @requests
            def count(self, docs: list[Text], **kwargs):
                self.inside += 1
                assert self.inside == 1
                time.sleep(0.001)
                self.inside -= 1
    """
    async with served(written(tmp_path, source)) as (_, peer):
        answers = [peer.ask("/x", named(str(index))) for index in range(20)]
        for index, answer in enumerate(answers):
            assert texts(await answer) == [str(index)]
        assert peer.order == sorted(peer.order)


async def test_the_constructor_and_sync_handlers_share_a_thread(tmp_path):
    source = """
        import sqlite3
        class Database(Executor):
            def __init__(self, **kwargs):
                self.connection = sqlite3.connect(":memory:")
            @requests
            def query(self, docs: list[Text], **kwargs):
                docs[0].text = str(self.connection.execute("select 6 * 7").fetchone()[0])
            def close(self):
                self.connection.close()
    """
    async with served(written(tmp_path, source)) as (_, peer):
        assert texts(await peer.ask("/x", ONE)) == ["42"]


async def test_with_allow_concurrent_sync_handlers_meet(tmp_path):
    source = """
        class Meets(Executor):
            def __init__(self, **kwargs):
                self.barrier = threading.Barrier(3)
            @requests
            def meet(self, **kwargs):
                self.barrier.wait(30)
    """
    async with served(written(tmp_path, source), allow_concurrent=True) as (_, peer):
        responses = await asyncio.gather(*(peer.ask("/x", ONE) for _ in range(3)))
        assert [response.code for response in responses] == [pb.CODE_OK] * 3


async def test_a_quick_answer_does_not_wait_for_a_slow_one_behind_it(tmp_path):
    async with served(written(tmp_path, GATED)) as (_, peer):
        quick, slow = peer.ask("/pass", ONE), peer.ask("/wait", ONE)
        assert (await quick).code == pb.CODE_OK
        assert not slow.done()
        await peer.ask("/open")
        assert (await slow).code == pb.CODE_OK


async def test_over_the_bound_a_request_is_refused_at_once(tmp_path):
    async with served(written(tmp_path, GATED), max_pending=2) as (_, peer):
        held = [peer.ask("/wait-async", ONE), peer.ask("/wait-async", ONE)]
        refused = await peer.ask("/wait-async", ONE)
        assert refused.code == pb.CODE_OVERLOADED
        assert refused.failure.refused
        assert "2 requests waiting" in refused.failure.message
        assert not any(answer.done() for answer in held)
        peer.cancel(1, 2)
        # Room again, as soon as those that were cancelled have ended.
        while (await peer.ask("/open")).code != pb.CODE_OK:
            await asyncio.sleep(0)


async def test_a_deadline_that_passed_in_the_queue_is_said_and_the_handler_not_run(tmp_path):
    async with served(written(tmp_path, GATED)) as (_, peer):
        first = peer.ask("/wait", named("first"))
        late = peer.ask("/pass", named("late"), timeout_ms=1)
        while (await told(peer))["ran"] != ["first"]:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        await peer.ask("/open")
        assert (await first).code == pb.CODE_OK
        response = await late
        assert response.code == pb.CODE_DEADLINE_EXCEEDED
        assert "within the 1 ms" in response.failure.message
        assert (await told(peer))["ran"] == ["first"]


async def test_an_async_handler_is_cancelled_at_its_deadline(tmp_path):
    async with served(written(tmp_path, GATED)) as (_, peer):
        response = await peer.ask("/wait-async", named("x"), timeout_ms=20)
        assert response.code == pb.CODE_DEADLINE_EXCEEDED
        assert (await told(peer))["cancelled"] == ["x"]


async def test_a_cancelled_request_in_the_queue_is_dropped(tmp_path):
    async with served(written(tmp_path, GATED)) as (_, peer):
        first = peer.ask("/wait", named("first"))
        dropped = peer.ask("/pass", named("dropped"), number=50)
        last = peer.ask("/pass", named("last"), number=51)
        peer.cancel(50)
        await peer.ask("/open", number=52)
        await asyncio.gather(first, last)
        assert (await told(peer))["ran"] == ["first", "last"]
        assert not dropped.done()


async def test_a_running_async_handler_is_cancelled(tmp_path):
    async with served(written(tmp_path, GATED)) as (_, peer):
        running = peer.ask("/wait-async", named("x"), number=50)
        while (await told(peer))["ran"] != ["x"]:
            await asyncio.sleep(0)
        peer.cancel(50)
        while (await told(peer))["cancelled"] != ["x"]:
            await asyncio.sleep(0)
        assert not running.done()


async def test_a_request_and_its_cancellation_in_one_write_leave_nothing_pending(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, peer):
        for number, endpoint in ((50, "/wait-async"), (51, "/pass")):
            peer.ask(endpoint, named("x"), number=number)
            peer.cancel(number)
        await peer.ask("/open")
        while server._service.pending:
            await asyncio.sleep(0)
        assert not peer.answers.keys() - {50, 51}


async def test_when_a_gateway_goes_away_its_requests_are_dropped(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, peer):
        other = await connect(server)
        await other.welcome
        other.ask("/wait-async", named("orphan"))
        while (await told(peer))["ran"] != ["orphan"]:
            await asyncio.sleep(0)
        other.abort()
        while (await told(peer))["cancelled"] != ["orphan"]:
            await asyncio.sleep(0)


async def test_a_gateway_that_does_not_fetch_its_answers_is_not_read_from(tmp_path):
    source = """
        class Large(Executor):
            @requests(blocking=False)
            def large(self, **kwargs):
                return [Text(text="x" * (1 << 20))]
    """
    async with served(written(tmp_path, source), max_pending=10**6) as (server, _):
        reader = await connect(server)
        await reader.welcome
        reader.hold_reading(True)
        answers = []
        while not any(lane.is_paused for lane in server._lanes.lanes):
            answers.append(reader.ask("/x"))
            await asyncio.sleep(0)
        reader.hold_reading(False)
        responses = await asyncio.gather(*answers)
        assert {response.code for response in responses} == {pb.CODE_OK}


# Handshake


async def test_a_gateway_that_comes_early_is_welcomed_when_the_executor_is_ready(tmp_path):
    server = server_of(written(tmp_path, GATED))
    await server.open()
    early = await connect(server)
    await asyncio.sleep(0.01)
    assert not early.welcome.done()
    await server.make_ready()
    welcome = await early.welcome
    assert (welcome.version, welcome.description.name) == (VERSION, "worker")
    await server.close()


async def test_a_gateway_of_another_version_is_refused_and_the_log_says_what_to_do(
    tmp_path, caplog
):
    async with served(written(tmp_path, GATED)) as (server, _):
        stranger = await connect(server, version=VERSION + 1)
        welcome = await stranger.welcome
        await stranger.gone
        assert welcome.version == VERSION
        assert not welcome.HasField("description")
        assert "build both images with one containerflow" in caplog.text


async def test_who_sends_what_is_no_message_is_hung_up_on(tmp_path, caplog):
    async with served(written(tmp_path, GATED)) as (server, peer):
        stranger = await connect(server)
        await stranger.welcome
        stranger.send(Kind.REQUEST, b"\xff\xff\xff")
        await stranger.gone
        assert "not a message of the contract" in caplog.text
        assert (await peer.ask("/open")).code == pb.CODE_OK


async def test_a_request_before_the_welcome_is_refused(tmp_path):
    server = server_of(written(tmp_path, GATED))
    await server.open()
    hasty = await connect(server)
    hasty.ask("/open")
    await hasty.gone
    await server.close()


# The end


def ready(server):
    return urlopen(f"http://127.0.0.1:{server.admin_port}/readyz").status


async def test_draining_finishes_what_is_pending_and_refuses_what_is_new(tmp_path):
    server = server_of(written(tmp_path, GATED))
    await server.open()
    await server.make_ready()
    peer = await connect(server)
    await peer.welcome
    assert await asyncio.to_thread(ready, server) == 200
    pending = peer.ask("/wait", ONE)
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(server.close())
    await peer.draining
    assert not server.readiness().ready
    refused = await peer.ask("/open")
    assert refused.code == pb.CODE_UNAVAILABLE
    assert refused.failure.refused
    server._executor.gate.set()
    assert (await pending).code == pb.CODE_OK
    await peer.gone
    await closing


async def test_without_a_thread_for_its_handlers_it_is_not_ready(tmp_path):
    async with served(written(tmp_path, GATED)) as (server, _):
        assert server.readiness().ready
        server._workers.stop()
        while server._workers.are_alive:
            await asyncio.sleep(0)
        with pytest.raises(HTTPError) as refused:
            await asyncio.to_thread(ready, server)
        assert refused.value.code == 503


async def test_draining_gives_up_after_its_time(tmp_path, caplog):
    server = server_of(written(tmp_path, GATED), drain_seconds=0.05)
    await server.open()
    await server.make_ready()
    peer = await connect(server)
    await peer.welcome
    lost = peer.ask("/wait", ONE)
    await asyncio.sleep(0.01)
    await server.close()
    await peer.gone
    assert "1 requests were not finished" in caplog.text
    assert not lost.done()
    server._executor.gate.set()


async def test_close_is_called_whether_sync_or_async(tmp_path):
    for keyword in ("", "async "):
        source = f"""
            class Closes(Executor):
                closed_in = None
                {keyword}def close(self):
                    type(self).closed_in = threading.current_thread().name
        """
        server = server_of(written(tmp_path / (keyword or "sync").strip(), source))
        await server.open()
        await server.make_ready()
        await server.close()
        assert server._executor.closed_in == ("MainThread" if keyword else "worker-0")


async def test_an_exception_in_close_is_logged_and_the_end_goes_on(tmp_path, caplog):
    source = """
        class Closes(Executor):
            def close(self):
                raise RuntimeError("disk full")
    """
    async with served(written(tmp_path, source)):
        pass
    assert "disk full" in caplog.text
