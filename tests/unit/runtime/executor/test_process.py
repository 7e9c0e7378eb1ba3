"""The Executor's process: its start, its end, and what it says when it cannot start."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from containerflow.plan.defaults import EXECUTOR_COMMAND
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.settings import SETTINGS_VARIABLE

from .peer import Peer, texts, written

ONE = {"data": [{"text": "a"}]}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Process:
    """A real Executor process, started on free ports."""

    def __init__(self, process: asyncio.subprocess.Process, ports: list[int]) -> None:
        self.process = process
        self.lane_port, self.grpc_port, self.admin_port = ports

    async def lane(self) -> Peer:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, peer = await loop.create_connection(Peer, "127.0.0.1", self.lane_port)
                return peer
            except OSError:
                assert self.process.returncode is None
                await asyncio.sleep(0.01)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urlopen(f"http://127.0.0.1:{self.admin_port}{path}") as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    async def end(self) -> tuple[int, list[str]]:
        """Wait for the end: exit code and log lines."""
        _, log = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, log.decode().splitlines()


@asynccontextmanager
async def started(source, *, options=None, **settings) -> AsyncIterator[Process]:
    ports = free_ports(3)
    values = {
        "name": "worker",
        "workspace": str(source / "workspace"),
        **dict(zip(("lane_port", "grpc_port", "admin_port"), ports, strict=True)),
        **settings,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *(options or ()), "-m"),
        *("containerflow.runtime.executor", "--source", str(source)),
        cwd=None if options is None else source,
        env={**os.environ, SETTINGS_VARIABLE: json.dumps(values)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Process(process, ports)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


WORKS = """
class Works(Executor):
    @requests(on="/hello")
    def hello(self, docs: list[Text], **kwargs):
        self.logger.info("said hello")
        docs[0].text = "hello"

    @requests(on="/stuck")
    def stuck(self, **kwargs):
        print("stuck now", flush=True)
        time.sleep(600)

    def close(self):
        self.logger.info("closed")
"""


async def test_it_answers_and_ends_with_0_on_sigterm(tmp_path):
    async with started(written(tmp_path, WORKS)) as process:
        peer = await process.lane()
        await peer.welcome
        assert texts(await peer.ask("/hello", ONE, request_id="my-request")) == ["hello"]
        assert (await asyncio.to_thread(process.get, "/readyz"))[0] == 200
        metrics = (await asyncio.to_thread(process.get, "/metrics"))[1]
        assert 'containerflow_executor_requests_total{code="OK",endpoint="/hello"} 1.0' in metrics
        process.process.terminate()
        await peer.draining
        code, log = await process.end()
    assert code == 0
    line = next(line for line in log if "said hello" in line)
    assert re.fullmatch(
        r"INFO \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z worker my-request said hello", line
    )
    assert any(line.endswith(" closed") for line in log)


async def test_while_the_model_loads_it_is_alive_and_not_ready(tmp_path):
    source = f"""
        import os
        class Slow(Executor):
            def __init__(self, **kwargs):
                while not os.path.exists({str(tmp_path / "loaded")!r}):
                    time.sleep(0.01)
            @requests
            def any(self, docs: list[Text], **kwargs): ...
    """
    async with started(written(tmp_path / "source", source)) as process:
        peer = await process.lane()
        assert await asyncio.to_thread(process.get, "/livez") == (200, "ok\n")
        status, body = await asyncio.to_thread(process.get, "/readyz")
        assert (status, json.loads(body)) == (503, {"ready": False, "executor": "worker"})
        assert not peer.welcome.done()
        (tmp_path / "loaded").touch()
        await peer.welcome
        assert (await asyncio.to_thread(process.get, "/readyz"))[0] == 200


async def test_a_stop_while_the_model_loads_ends_it(tmp_path):
    source = """
        class Forever(Executor):
            def __init__(self, **kwargs):
                time.sleep(600)
    """
    async with started(written(tmp_path, source)) as process:
        await process.lane()
        process.process.terminate()
        code, _ = await process.end()
    assert code == 0


@pytest.mark.parametrize(
    ("source", "cause", "traceback"),
    [
        ("def __init__(self, **kwargs): raise ValueError('no\\nmodel')", "ValueError: no model", 1),
        ("def __init__(self, **kwargs): raise SystemExit('gone')", "SystemExit: gone", 1),
        ("def __init__(self, **kwargs): next(iter(()))", "RuntimeError: StopIteration", 1),
        ("def __init__(self, size): ...", "TypeError: ", 1),
        (
            "@requests(on='/x')\n    def f(self, docs: int): ...",
            "The handler Bad.f declares `docs: int`",
            0,
        ),
    ],
)
async def test_what_keeps_it_from_starting_is_its_last_line(tmp_path, source, cause, traceback):
    (tmp_path / "executor.py").write_text(
        f"from containerflow import Executor, requests\nclass Bad(Executor):\n    {source}\n"
    )
    async with started(tmp_path) as process:
        code, log = await process.end()
    assert code == 1
    assert f"worker - Executor 'worker' could not start: {cause}" in log[-1]
    assert any(line.startswith("Traceback") for line in log) == bool(traceback)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("def broken(\n", ["def broken("]),
        ("import no_such_package\n", ["import no_such_package", "requirements.txt"]),
        (
            "from containerflow import Executor\n"
            "def load(): raise RuntimeError('no model')\n"
            "class Bad(Executor):\n"
            "    def __init__(self, **kwargs): load()\n",
            ["def __init__(self, **kwargs): load()", "def load(): raise RuntimeError('no model')"],
        ),
    ],
    ids=["syntax", "missing package", "raises"],
)
async def test_a_failed_start_shows_the_users_own_lines_and_none_of_the_runtimes(
    tmp_path, source, shown
):
    (tmp_path / "executor.py").write_text(source)
    async with started(tmp_path) as process:
        code, log = await process.end()
    assert code == 1
    for line in shown:
        assert any(line in one for one in log), log
    assert not any("containerflow/runtime" in line for line in log), log


OPTIONS = EXECUTOR_COMMAND[EXECUTOR_COMMAND.index("--") + 2 : EXECUTOR_COMMAND.index("-m")]
"""What a container's command passes to Python."""


async def test_files_named_as_pythons_own_modules_do_not_take_their_place(tmp_path):
    for name in ("queue", "types", "random", "asyncio"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not the one that was meant')\n")
    (tmp_path / "sibling.py").write_text("GREETING = 'hello from beside'\n")
    source = """
        import queue
        from sibling import GREETING
        class Greets(Executor):
            @requests
            def greet(self, docs: list[Text], **kwargs):
                import random
                docs[0].text = f"{GREETING} {queue.Queue.__name__} {random.choice([1])}"
    """
    async with started(written(tmp_path, source), options=OPTIONS) as process:
        peer = await process.lane()
        await peer.welcome
        assert texts(await peer.ask("/x", ONE)) == ["hello from beside Queue 1"]
        process.process.terminate()
        code, _ = await process.end()
    assert code == 0


async def test_who_wanted_such_a_file_is_told_to_rename_it(tmp_path):
    (tmp_path / "types.py").write_text("class Mine: ...\n")
    async with started(written(tmp_path, "from types import Mine"), options=OPTIONS) as process:
        code, log = await process.end()
    assert code == 1
    assert "Rename types.py" in log[-1]


async def test_a_missing_package_is_said_with_its_remedy(tmp_path):
    async with started(written(tmp_path, "import no_such_package_here")) as process:
        code, log = await process.end()
    assert code == 1
    assert "requirements.txt" in log[-1]


async def test_a_port_that_is_taken_keeps_it_from_starting(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with started(written(tmp_path, WORKS), lane_port=port) as process:
            code, log = await process.end()
    assert code == 1
    assert str(port) in log[-1]


async def test_a_handler_that_never_ends_does_not_keep_the_process(tmp_path):
    async with started(written(tmp_path, WORKS), drain_seconds=0.1) as process:
        peer = await process.lane()
        await peer.welcome
        peer.ask("/stuck", ONE)
        assert process.process.stdout is not None
        assert await process.process.stdout.readline() == b"stuck now\n"
        process.process.terminate()
        code, log = await process.end()
    assert code == 0
    assert any("1 requests were not finished" in line for line in log)


async def test_a_second_signal_ends_it_at_once(tmp_path):
    async with started(written(tmp_path, WORKS), drain_seconds=600) as process:
        peer = await process.lane()
        await peer.welcome
        peer.ask("/stuck", ONE)
        assert process.process.stdout is not None
        await process.process.stdout.readline()
        process.process.send_signal(signal.SIGINT)
        await peer.draining
        process.process.send_signal(signal.SIGINT)
        code, _ = await process.end()
    assert code == 128 + signal.SIGINT


async def test_grpc_answers_in_the_process_and_ends_with_it(tmp_path):
    import grpc

    from containerflow.wire.contract_pb2_grpc import ExecutorStub

    async with started(written(tmp_path, WORKS)) as process:
        await (await process.lane()).welcome
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.grpc_port}") as channel:
            body = pb.Part(codec=pb.CODEC_JSON, body=json.dumps(ONE).encode())
            response = await ExecutorStub(channel).Call(pb.Request(endpoint="/hello", parts=[body]))
            assert texts(response) == ["hello"]
            process.process.terminate()
            code, _ = await process.end()
    assert code == 0


@pytest.mark.parametrize("value", [None, "{", '{"name": "x", "nope": 1}'])
async def test_settings_that_cannot_be_read_are_named(value):
    environment = {key: text for key, text in os.environ.items() if key != SETTINGS_VARIABLE}
    if value is not None:
        environment[SETTINGS_VARIABLE] = value
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "containerflow.runtime.executor"),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert SETTINGS_VARIABLE in errors.decode()
