"""The command line with a real engine: a project as `cflow new` makes it, from start to end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from docker import APIClient

from containerflow.cli.new import write_project
from tests.integration.leftovers import left_of, remove_all_of

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

CFLOW = (sys.executable, "-m", "containerflow")
ADDRESS = re.compile(r"Local:\s+(\S+)")
COUNTED = {"words": 6, "distinct": 4}


@pytest.fixture
def project(tmp_path: Path, engine: APIClient) -> Iterator[Path]:
    """A project with a name of its own; nothing of it is left in the engine afterwards."""
    directory = tmp_path / f"words-{uuid4().hex[:8]}"
    write_project(directory)
    yield directory
    remove_all_of(engine, directory.name)


def cflow(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CFLOW, *arguments], cwd=directory, capture_output=True, text=True, check=False
    )


def done(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    answer = cflow(directory, *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer


def address_in(text: str) -> str:
    found = ADDRESS.search(text)
    assert found is not None, text
    return found[1]


def count(directory: Path, address: str) -> dict[str, int]:
    answer = done(directory, "call", address, "/count", '{"text": "to be or not to be"}')
    [document] = json.loads(answer.stdout)["data"]
    return {key: document[key] for key in COUNTED}


RUN = ("run", "flow.yml")
AS_JINA_SPELLS_IT = ("flow", "--uses", "flow.yml")


def started(directory: Path, command: tuple[str, ...] = RUN) -> tuple[subprocess.Popen[str], str]:
    """A Flow in the foreground of another process, and its address once it is ready."""
    process = subprocess.Popen(
        [*CFLOW, *command, "--port", "0"],
        cwd=directory,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    shown = ""
    for line in process.stderr:
        shown += line
        if "Press Ctrl-C" in line:
            return process, address_in(shown)
    raise AssertionError(f"cflow run ended with {process.wait()}:\n{shown}")


@pytest.mark.parametrize(
    ("command", "number"), [(RUN, signal.SIGINT), (AS_JINA_SPELLS_IT, signal.SIGTERM)]
)
def test_a_new_project_runs_until_it_is_told_to_stop(
    project: Path, engine: APIClient, command: tuple[str, ...], number: signal.Signals
) -> None:
    process, address = started(project, command)
    try:
        assert count(project, address) == COUNTED
        process.send_signal(number)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert left_of(engine, project.name) == []


def test_a_run_that_is_interrupted_while_it_starts_leaves_nothing(
    project: Path, engine: APIClient
) -> None:
    executor = project / "counter" / "executor.py"
    executor.write_text(executor.read_text() + "\nimport time\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [*CFLOW, "run", "flow.yml", "--port", "0"], cwd=project, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Starting"):
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert left_of(engine, project.name) == []


def test_a_flow_that_is_up_is_listed_called_read_and_taken_down(
    project: Path, engine: APIClient
) -> None:
    name = project.name
    up = done(project, "up", "--port", "0")
    assert f"cflow down {name}" in up.stderr

    listed = done(project, "ps", name).stdout.splitlines()
    assert listed[0].split()[:2] == ["FLOW", "CONTAINER"]
    assert [line.split()[:2] for line in listed[1:]] == [
        [name, f"{name}-gateway-0"],
        [name, f"{name}-counter-0"],
    ]
    assert listed[1].endswith("cflow up")

    assert count(project, address_in(up.stderr)) == COUNTED

    again = cflow(project, "up", "--port", "0")
    assert again.returncode == 1
    assert name in again.stderr

    logs = done(project, "logs", "flow.yml", "counter").stdout
    assert logs
    assert all(line.startswith(f"{name}-counter-0 | ") for line in logs.splitlines())

    assert done(project, "prune").stdout.find(name) < 0
    down = done(project, "down", "flow.yml")
    assert f"Removed container {name}-gateway-0" in down.stdout
    assert left_of(engine, name) == []

    gone = cflow(project, "down", name)
    assert gone.returncode == 1
    assert f"No Flow named '{name}'" in gone.stderr


def test_a_call_says_what_is_wrong_with_the_request(project: Path) -> None:
    address = address_in(done(project, "up", "--port", "0").stderr)

    unknown = cflow(project, "call", address, "/nowhere", "{}")
    assert unknown.returncode == 1
    assert "404 NOT_FOUND" in unknown.stderr
    assert "/count" in unknown.stderr

    invalid = cflow(project, "call", address, "/count", '{"text": 3}')
    assert invalid.returncode == 1
    assert "422 INVALID" in invalid.stderr
    assert "data.0.text" in invalid.stderr
    assert invalid.stdout == ""


def test_a_call_takes_several_documents_from_standard_input_over_grpc(project: Path) -> None:
    flow = project / "flow.yml"
    flow.write_text(flow.read_text().replace("protocol: http", "protocol: grpc"))
    address = address_in(done(project, "up", "--port", "0").stderr)
    assert address.startswith("grpc://")
    body = {"data": [{"text": "a a"}, {"text": "b"}], "parameters": {"unused": 1}}
    answer = subprocess.run(
        [*CFLOW, "call", address, "count", "-"],
        input=json.dumps(body),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert [document["words"] for document in told["data"]] == [2, 1]
    assert told["parameters"] == {"unused": 1}
    assert told["header"]["requestId"]


def test_a_call_of_nobody_names_the_address(project: Path) -> None:
    answer = cflow(project, "call", "http://127.0.0.1:9", "/count", "{}")
    assert answer.returncode == 1
    assert "127.0.0.1:9" in answer.stderr


def test_images_are_built_once(project: Path) -> None:
    first = done(project, "build")
    assert "Building" in first.stderr
    second = done(project, "build")
    assert "Building" not in second.stderr
    assert second.stdout == first.stdout
    none = done(project, "build", "--no-rebuild")
    assert none.stdout == first.stdout


def test_without_rebuilding_a_changed_executor_is_an_error(project: Path) -> None:
    done(project, "build")
    executor = project / "counter" / "executor.py"
    executor.write_text(executor.read_text() + f"\nMARK = '{uuid4().hex}'\n")
    answer = cflow(project, "run", "--no-rebuild")
    assert answer.returncode == 1
    assert "counter" in answer.stderr


def test_the_test_of_a_new_project_passes(project: Path) -> None:
    flow = project / "flow.yml"
    flow.write_text(flow.read_text().replace("port: 8080", "port: 0"))
    answer = subprocess.run(
        [sys.executable, "test_flow.py"], cwd=project, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert "answers as it should" in answer.stdout
