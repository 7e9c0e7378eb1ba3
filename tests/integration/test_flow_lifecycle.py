"""class Flow on a real engine: started and stopped in every way that users have."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import textwrap
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from containerflow import AsyncClient, Document, Executor, Flow, requests
from containerflow.errors import DefinitionError, ExitedError, StartError
from containerflow.targets.docker import down, logs, ps
from tests.integration.docker.conftest import left, remove_images

pytestmark = pytest.mark.engine


class Text(Document):
    text: str = ""


class Counter(Executor):
    """Adds its own number of the call, kept in a volume."""

    def __init__(self, step: int = 1, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.step = step

    @requests(on="/count")
    def count(self, docs: list[Text], **kwargs: object) -> list[Text]:
        path = Path("/data/count")
        number = (int(path.read_text()) if path.exists() else 0) + self.step
        path.write_text(str(number))
        for doc in docs:
            doc.text += str(number)
        return docs


class Upper(Executor):
    @requests
    def upper(self, docs: list[Text], **kwargs: object) -> list[Text]:
        for doc in docs:
            doc.text = doc.text.upper()
        return docs


@pytest.fixture
def name(engine: docker.APIClient) -> Iterator[str]:
    """A Flow's name of this test's own; whatever is left of it is removed at the end."""
    own = f"f{os.getpid()}-{secrets.token_hex(3)}"
    yield own
    for flow in (own, f"{own}-other"):
        down(engine, flow, volumes=True)
    remove_images(engine, own)


def empty(name: str) -> Flow:
    """A Flow that is only a Gateway: the quickest one to start."""
    return Flow(name=name, protocol="http", port=0, quiet=True)


def test_with_starts_a_flow_and_its_end_stops_it(name: str, engine: docker.APIClient) -> None:
    with empty(name).add(uses=Upper) as flow:
        assert flow.is_ready()
        assert flow.address == f"http://127.0.0.1:{flow.port}"
        assert repr(flow).endswith(f"at {flow.address}>")
        (answer,) = flow.post("/any", [Text(text="abc")], return_type=Text)
        assert answer.text == "ABC"
    assert left(engine, name) == []
    assert not flow.is_ready()


def test_start_and_close_may_be_called_again(name: str, engine: docker.APIClient) -> None:
    flow = empty(name)
    assert flow.start() is flow
    before = left(engine, name)
    port = flow.port
    assert flow.start() is flow
    assert left(engine, name) == before
    flow.close()
    flow.close()
    assert left(engine, name) == []
    # And the whole once more, with the same object.
    with flow:
        assert flow.is_ready()
    assert port != 0


def test_an_error_in_the_body_stops_the_flow_and_is_raised(
    name: str, engine: docker.APIClient
) -> None:
    with pytest.raises(ValueError, match="own"), empty(name):
        raise ValueError("own")
    assert left(engine, name) == []


def test_a_running_flow_can_be_added_to_only_as_a_copy(name: str) -> None:
    with empty(name) as flow:
        with pytest.raises(DefinitionError, match="is running"):
            flow.add(copy_flow=False)
        longer = flow.add(name="more")
        assert repr(longer).endswith("-> more, stopped>")
        assert flow.is_ready()


def test_replicas_share_the_work(name: str, engine: docker.APIClient) -> None:
    with empty(name).add(name="upper", uses=Upper, replicas=2) as flow:
        services = [one.service for one in ps(engine, name)]
        assert services == ["gateway", "upper", "upper"]
        answers = flow.post("/", [Text(text=str(i)) for i in range(50)], return_type=Text)
        assert [one.text for one in answers] == [str(i) for i in range(50)]


class Slow(Executor):
    """Says in its log that it has begun, and then takes its time."""

    @requests
    def work(self, docs: list[Text], **kwargs: object) -> list[Text]:
        import time

        print("begun", flush=True)
        time.sleep(2)
        return docs


def test_a_post_that_is_under_way_is_answered_before_its_flow_is_closed(
    name: str, engine: docker.APIClient
) -> None:
    flow = empty(name).add(name="slow", uses=Slow).start()
    with flow, ThreadPoolExecutor() as pool:
        answers = pool.submit(flow.post, "/", [Text(text="abc")], return_type=Text)
        while not any("begun" in line.text for line in logs(engine, name, "slow")):
            assert not answers.done()
        flow.close()
        assert answers.result()[0].text == "abc"
    assert left(engine, name) == []


def test_first_posts_of_several_threads_share_one_client(name: str) -> None:
    with empty(name) as flow, ThreadPoolExecutor(16) as pool:
        together = threading.Barrier(16)

        def client() -> object:
            together.wait()
            return flow.client

        clients = [pool.submit(client) for _ in range(16)]
        assert len({id(one.result()) for one in clients}) == 1


def test_a_fan_out_is_joined_by_its_documents_ids(name: str) -> None:
    flow = (
        empty(name)
        .add(name="left", uses=Upper, needs="gateway")
        .add(name="right", needs="gateway")
        .needs(["left", "right"], name="both")
    )
    with flow:
        (answer,) = flow.post("/", [Text(id="1", text="abc")], return_type=Text)
    assert (answer.id, answer.text) == ("1", "ABC")


def test_volumes_keep_what_an_executor_wrote_across_restarts(
    name: str, engine: docker.APIClient
) -> None:
    flow = empty(name).add(uses=Counter, volumes="counts:/data", uses_with={"step": 2})
    seen = []
    for _ in range(2):
        with flow:
            seen += [one.text for one in flow.post("/count", Text(), return_type=Text)]
    assert seen == ["2", "4"]
    assert left(engine, name) == [f"{name}-counts"]


def test_two_flows_run_side_by_side_and_close_in_any_order(
    name: str, engine: docker.APIClient
) -> None:
    first = empty(name).start()
    second = empty(f"{name}-other").start()
    assert first.port != second.port
    first.close()
    assert second.is_ready()
    second.close()
    assert left(engine, name) == left(engine, f"{name}-other") == []


def test_both_protocols_answer_on_ports_of_their_own(name: str) -> None:
    from containerflow import Client

    flow = Flow(name=name, protocol=["http", "grpc"], port=[0, 0], quiet=True).add(uses=Upper)
    with flow:
        assert [address.protocol for address in flow.addresses] == ["http", "grpc"]
        for address in flow.addresses:
            with Client(f"{address.protocol}://{address.local}") as client:
                (answer,) = client.post("/", Text(text="x"), return_type=Text)
                assert answer.text == "X"


async def test_async_with_starts_and_stops_without_blocking_the_loop(
    name: str, engine: docker.APIClient
) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.01)

    ticking = asyncio.create_task(tick())
    async with empty(name).add(uses=Upper) as flow:
        assert ticks > 10
        async with AsyncClient(flow.address) as client:
            (answer,) = await client.post("/", Text(text="abc"), return_type=Text)
        assert answer.text == "ABC"
    ticking.cancel()
    assert left(engine, name) == []


async def test_a_cancelled_async_start_leaves_nothing(name: str, engine: docker.APIClient) -> None:
    async def run() -> None:
        async with empty(name):
            raise AssertionError("it was to be cancelled before")

    task = asyncio.create_task(run())
    while not left(engine, name):
        assert not task.done()
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(engine, name) == []


class Blocked:
    """A Flow that is started, blocked and stopped in a thread of its own."""

    def __init__(self, flow: Flow, stop_event: object = None) -> None:
        self.ready = threading.Event()
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(flow, stop_event))
        self.thread.start()
        while not self.ready.wait(0.02):
            assert self.thread.is_alive()

    def _run(self, flow: Flow, stop_event: object) -> None:
        try:
            with flow:
                self.ready.set()
                flow.block(stop_event=stop_event)
        except StartError as error:
            self.error = error


@pytest.mark.parametrize("kind", [threading.Event, multiprocessing.Event, asyncio.Event])
def test_block_ends_once_the_event_is_set(
    kind: Callable[[], threading.Event], name: str, engine: docker.APIClient
) -> None:
    event = kind()
    blocked = Blocked(empty(name), event)
    assert left(engine, name) != []
    event.set()
    blocked.thread.join()
    assert left(engine, name) == []


def test_block_ends_once_the_flow_is_closed_elsewhere(name: str, engine: docker.APIClient) -> None:
    flow = empty(name)
    blocked = Blocked(flow)
    flow.close()
    blocked.thread.join()
    assert blocked.error is None
    assert left(engine, name) == []


def test_block_ends_with_an_error_once_a_container_is_gone_for_good(
    name: str, engine: docker.APIClient
) -> None:
    blocked = Blocked(empty(name))
    engine.remove_container(f"{name}-gateway-0", force=True)
    blocked.thread.join()
    assert isinstance(blocked.error, ExitedError)
    assert f"{name}-gateway-0" in blocked.error.message
    assert left(engine, name) == []


def test_a_start_shows_where_the_flow_is_reached_unless_it_is_quiet(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with Flow(name=name, protocol="http", port=0) as flow:
        shown = capfd.readouterr()
        assert f"http://127.0.0.1:{flow.port}/docs" in shown.err
    assert f"{name}: Flow is ready to serve!" in shown.err
    assert shown.out == ""
    with empty(name):
        assert capfd.readouterr().err == ""


def test_a_flow_of_a_file_finds_its_executors_beside_it(
    name: str, tmp_path: Path, engine: docker.APIClient
) -> None:
    (tmp_path / "shout").mkdir()
    (tmp_path / "shout" / "executor.py").write_text(
        textwrap.dedent(
            """
            from containerflow import Executor, requests

            class Shout(Executor):
                def __init__(self, mark="?", **kwargs):
                    super().__init__(**kwargs)
                    self.mark = mark

                @requests
                def shout(self, docs, **kwargs):
                    for doc in docs:
                        doc.text = doc.text + self.mark
            """
        )
    )
    (tmp_path / "shout" / "config.yml").write_text("jtype: Shout\nwith: {mark: '!'}\n")
    (tmp_path / "flow.yml").write_text(
        f"jtype: Flow\nwith: {{name: {name}, protocol: http, port: 0, quiet: true}}\n"
        "executors: [{uses: shout/config.yml}]\n"
    )
    with Flow.load_config(tmp_path / "flow.yml") as flow:
        (answer,) = flow.post("/", {"text": "hey"}, return_type=Text)
    assert answer.text == "hey!"


def test_an_executor_that_raises_in_init_says_so_with_its_traceback(
    name: str, tmp_path: Path, engine: docker.APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "executor.py").write_text(
        textwrap.dedent(
            """
            from containerflow import Executor

            class Broken(Executor):
                def __init__(self, **kwargs):
                    super().__init__(**kwargs)
                    raise RuntimeError("the model file is missing")
            """
        )
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ExitedError) as caught:
        empty(name).add(name="broken", uses="./broken").start()
    assert "Executor broken" in caught.value.message
    assert "the model file is missing" in caught.value.log
    assert left(engine, name) == []


def test_closing_a_flow_that_someone_took_down_is_no_error(
    name: str, engine: docker.APIClient
) -> None:
    flow = empty(name).start()
    down(engine, name)
    flow.close()
    assert left(engine, name) == []
