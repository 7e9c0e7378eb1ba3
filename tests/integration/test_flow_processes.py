"""A user's own script: how it may be written, and what becomes of its Flow when it ends."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from containerflow.plan.model import FLOW_LABEL
from containerflow.targets.docker import down, prune, ps
from tests.integration.docker.conftest import left, remove_images

pytestmark = pytest.mark.engine

Run = Callable[[str], "Script"]


@pytest.fixture
def name(engine: docker.APIClient) -> Iterator[str]:
    """A Flow's name of this test's own; whatever is left of it is removed at the end."""
    own = f"p{os.getpid()}-{secrets.token_hex(3)}"
    yield own
    down(engine, own, volumes=True)
    remove_images(engine, own)


class Script:
    """A user's script in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def wait_for(self, line: str) -> None:
        """Read its output up to a line."""
        assert self.process.stdout is not None
        for read in self.process.stdout:
            if read.strip() == line:
                return
        raise AssertionError(f"it ended without {line!r}: {self.process.communicate()}")

    def ends(self, *signals: int) -> tuple[int, str, str]:
        """Send signals, and wait: exit code, output, and errors."""
        for number in signals:
            self.process.send_signal(number)
        out, err = self.process.communicate()
        return self.process.returncode, out, err


@pytest.fixture
def run(tmp_path: Path, name: str) -> Iterator[Callable[[str], Script]]:
    """Run a script, in which FLOW stands for a Flow of the test's name that is only a Gateway."""
    scripts: list[Script] = []

    def start(text: str) -> Script:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text).replace("FLOW", FLOW.format(name=name)))
        process = subprocess.Popen(
            [sys.executable, str(path)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        scripts.append(Script(process))
        return scripts[-1]

    yield start
    for script in scripts:
        script.process.kill()
        script.process.communicate()


FLOW = "Flow(name='{name}', protocol='http', port=0, quiet=True)"


REVERSE = """
from containerflow import Executor, Flow, requests

class Reverse(Executor):
    @requests
    def reverse(self, docs, **kwargs):
        for doc in docs:
            doc.text = doc.text[::-1]
"""


@pytest.mark.parametrize("condition", ["True", "__name__ == '__main__'"])
def test_a_class_of_the_script_itself_is_served_with_and_without_a_guard(
    name: str, run: Run, engine: docker.APIClient, condition: str
) -> None:
    script = run(
        f"""{REVERSE}
if {condition}:
    with FLOW.add(uses=Reverse) as flow:
        print(flow.post("/", {{"text": "abc"}})[0].text, flush=True)
"""
    )
    code, out, err = script.ends()
    assert (code, out.strip()) == (0, "cba"), err
    assert left(engine, name) == []


def test_a_class_that_is_in_no_file_is_served(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(
        f"""
import linecache, sys, types

cell = {REVERSE!r}
linecache.cache["<cell>"] = (len(cell), None, cell.splitlines(True), "<cell>")
module = sys.modules["cell"] = types.ModuleType("cell")
exec(compile(cell, "<cell>", "exec"), vars(module))

from containerflow import Flow

with FLOW.add(uses=module.Reverse) as flow:
    print(flow.post("/", {{"text": "abc"}})[0].text, flush=True)
"""
    )
    code, out, err = script.ends()
    assert (code, out.strip()) == (0, "cba"), err
    assert left(engine, name) == []


BLOCKING = """
from containerflow import Flow

class Never:
    asked = False

    def is_set(self):
        if not self.asked:
            self.asked = True
            print("blocked", flush=True)
        return False

with FLOW as flow:
    flow.block(stop_event=Never())
    print("stopping", flush=True)
print("stopped", flush=True)
"""
"""Says when it has begun to block."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_block_and_the_script_goes_on_to_its_end(
    name: str, run: Run, engine: docker.APIClient, number: int
) -> None:
    script = run(BLOCKING)
    script.wait_for("blocked")
    code, out, err = script.ends(number)
    assert (code, out.split(), err) == (0, ["stopping", "stopped"], "")
    assert left(engine, name) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_a_signal_in_the_body_stops_the_flow_and_ends_the_script(
    name: str, run: Run, engine: docker.APIClient, number: int, code: int
) -> None:
    script = run(
        """
        import time
        from containerflow import Flow

        with FLOW:
            print("ready", flush=True)
            time.sleep(600)
        """,
    )
    script.wait_for("ready")
    assert script.ends(number)[0] == code
    assert left(engine, name) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)]
)
def test_a_signal_while_it_starts_leaves_nothing(
    name: str, run: Run, engine: docker.APIClient, number: int, code: int
) -> None:
    script = run(BLOCKING)
    while not ps(engine, name):
        assert script.process.poll() is None, script.ends()
    exit_code, out, _ = script.ends(number)
    assert (exit_code, out) == (code, "")
    assert left(engine, name) == []


SLOW = """
import time
from containerflow import Executor

class Slow(Executor):
    def __init__(self, **kwargs):
        time.sleep(600)
"""


def has_network(engine: docker.APIClient, name: str) -> bool:
    return bool(engine.networks(filters={"label": f"{FLOW_LABEL}={name}"}))


def has_container(engine: docker.APIClient, name: str) -> bool:
    return bool(ps(engine, name))


def runs_whole(engine: docker.APIClient, name: str) -> bool:
    return [one.state for one in ps(engine, name)] == ["running"] * 3


@pytest.mark.parametrize(("count", "apart"), [(2, 0.1), (30, 0.01)])
@pytest.mark.parametrize("moment", [has_network, has_container, runs_whole])
def test_any_number_of_interrupts_while_cflow_starts_a_flow_leaves_nothing(
    name: str,
    tmp_path: Path,
    engine: docker.APIClient,
    moment: Callable[[docker.APIClient, str], bool],
    count: int,
    apart: float,
) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "flow.yml").write_text(
        f"jtype: Flow\nwith: {{name: {name}, port: 0}}\n"
        "executors:\n"
        "- {name: slow, uses: Slow, py_modules: slow.py}\n"
        "- {name: kept, volumes: 'data:/data'}\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "containerflow", "run", "flow.yml"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not moment(engine, name):
            assert process.poll() is None, process.communicate()
        for _ in range(count):
            process.send_signal(signal.SIGINT)
            time.sleep(apart)
        _, err = process.communicate()
    finally:
        process.kill()
    # As a shell shows it: a signal that comes once all is removed may still end the program itself.
    assert process.returncode in (130, -signal.SIGINT), err
    assert left(engine, name) == []


def test_a_second_signal_does_not_wait_for_what_does_not_stop(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    stubborn = """
from containerflow import Executor

class Stubborn(Executor):
    def close(self):
        import time
        time.sleep(3600)
"""
    flow = "FLOW.add(uses=Stubborn, timeout_ctrl=3_600_000)"
    script = run(stubborn + BLOCKING.replace("FLOW", flow))
    script.wait_for("blocked")
    script.process.send_signal(signal.SIGINT)
    script.wait_for("stopping")
    # The Executor has an hour to stop, which is longer than this test may take.
    assert script.ends(signal.SIGINT)[0] == 0
    assert left(engine, name) == []


def test_a_flow_that_nobody_closes_is_stopped_at_the_end_of_the_script(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(
        """
        from containerflow import Flow

        flow = FLOW.start()
        print("ready", flush=True)
        """,
    )
    code, out, err = script.ends()
    assert (code, out.strip(), err) == (0, "ready", "")
    assert left(engine, name) == []


def test_an_interrupt_of_the_main_thread_ends_a_block_in_another_one(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(
        """
        import threading
        import time
        from containerflow import Flow

        def serve():
            with FLOW as flow:
                print("ready", flush=True)
                flow.block()

        threading.Thread(target=serve).start()
        time.sleep(600)
        """,
    )
    script.wait_for("ready")
    assert script.ends(signal.SIGINT)[0] != 0
    assert left(engine, name) == []


def test_sigterm_ends_an_asyncio_program_in_order(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(
        """
        import asyncio
        from containerflow import Flow

        async def main():
            async with FLOW:
                print("ready", flush=True)
                await asyncio.sleep(600)

        asyncio.run(main())
        """,
    )
    script.wait_for("ready")
    assert script.ends(signal.SIGTERM)[0] == 143
    assert left(engine, name) == []


def test_what_a_killed_script_leaves_is_swept(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(BLOCKING)
    script.wait_for("blocked")
    assert script.ends(signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(left(engine, name)) == 2
    prune(engine)
    assert left(engine, name) == []


def test_a_fork_of_the_script_does_not_stop_its_flow(
    name: str, run: Run, engine: docker.APIClient
) -> None:
    script = run(
        """
        import os
        import sys
        from containerflow import Flow

        flow = FLOW.start()
        child = os.fork()
        if child == 0:
            sys.exit(0)
        os.waitpid(child, 0)
        print(flow.is_ready(), flush=True)
        """,
    )
    code, out, err = script.ends()
    assert (code, out.strip()) == (0, "True"), err
    assert left(engine, name) == []


def test_where_only_the_runtime_is_installed_a_start_says_so(run: Run) -> None:
    script = run(
        """
        import sys
        sys.modules["docker"] = None
        from containerflow import Flow

        FLOW.start()
        """,
    )
    code, _, err = script.ends()
    assert code == 1
    assert "A Flow cannot be started here: there is no docker" in err
