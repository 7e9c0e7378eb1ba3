"""A start that fails says why, and leaves no container, network or volume of its own behind."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import threading
from pathlib import Path

import docker
import pytest

from containerflow.engine.connection import connect
from containerflow.errors import (
    AlreadyRunningError,
    EngineUnavailableError,
    ExitedError,
    ImageNotFoundError,
    PortInUseError,
    ReadyTimeoutError,
    StartError,
)
from containerflow.plan.model import FLOW_LABEL
from tests.integration.docker.conftest import Engine, changed
from tests.integration.docker.engine_proxy import unix_proxy

pytestmark = pytest.mark.engine

WAIT = "import time; print('still busy', flush=True); time.sleep(600)"
FAIL = "print('first line'); print('the cause', flush=True); raise SystemExit(3)"


@pytest.mark.parametrize("restart", ["no", "always"])
def test_an_executor_that_exits_ends_the_start_with_its_code_and_last_lines(
    on_engine: Engine, restart: str
) -> None:
    plan = on_engine.plan({"encoder": {}}, programs={"encoder": FAIL})
    with pytest.raises(ExitedError) as caught:
        on_engine.up(changed(plan, "encoder", restart=restart))
    assert f"{on_engine.name}-encoder-0 of Executor encoder" in caught.value.message
    assert "exit code 3" in caught.value.message
    assert caught.value.log.splitlines() == ["first line", "the cause"]
    assert on_engine.left() == []


def test_a_gateway_that_exits_is_named_as_such(on_engine: Engine) -> None:
    plan = on_engine.plan(programs={"gateway": FAIL})
    with pytest.raises(ExitedError, match="of the Gateway ended with exit code 3"):
        on_engine.up(plan)
    assert on_engine.left() == []


def test_an_exit_without_error_is_a_failure_too(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {}}, programs={"encoder": "pass"})
    with pytest.raises(ExitedError, match="exit code 0") as caught:
        on_engine.up(plan)
    assert caught.value.remedy == "It printed nothing."


def test_only_the_last_lines_of_a_long_log_are_shown(on_engine: Engine) -> None:
    program = "print('\\n'.join(map(str, range(1000))), flush=True); raise SystemExit(1)"
    plan = on_engine.plan({"encoder": {}}, programs={"encoder": program})
    with pytest.raises(ExitedError) as caught:
        on_engine.up(plan)
    assert caught.value.log.splitlines() == [str(number) for number in range(980, 1000)]


def test_an_executor_that_is_never_ready_is_named_with_its_last_lines(on_engine: Engine) -> None:
    plan = on_engine.plan(
        {"good": {}, "slow": {"timeout_ready": 1500}}, programs={"slow": WAIT}, timeout_ready=60_000
    )
    with pytest.raises(ReadyTimeoutError) as caught:
        on_engine.up(plan)
    assert "slow after" in caught.value.message
    assert caught.value.log == "still busy"
    assert "timeout_ready" in caught.value.remedy
    assert on_engine.left() == []


def test_a_gateway_that_never_answers_is_given_up(on_engine: Engine) -> None:
    plan = on_engine.plan(programs={"gateway": WAIT}, timeout_ready=1000)
    with pytest.raises(ReadyTimeoutError, match="Not ready: gateway"):
        on_engine.up(plan)
    assert on_engine.left() == []


@pytest.fixture
def empty_image(on_engine: Engine) -> str:
    """An image with nothing in it but an empty directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("tmp")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o777
        archive.addfile(entry)
    reference = f"containerflow-test/{on_engine.name}:1"
    on_engine.client.import_image_from_data(
        out.getvalue(), repository=reference.split(":")[0], tag="1"
    )
    yield reference
    on_engine.client.remove_image(reference, force=True)


def test_an_image_without_the_runtime_is_said_to_be_none_of_an_executor(
    on_engine: Engine, empty_image: str
) -> None:
    plan = on_engine.plan({"encoder": {"uses": f"docker://{empty_image}"}})
    with pytest.raises(StartError, match="/opt/containerflow/bin/dumb-init") as caught:
        on_engine.up(plan)
    assert empty_image in caught.value.message
    assert "FROM containerflow's runtime image" in caught.value.remedy
    assert on_engine.left() == []


def test_a_command_that_finds_no_program_is_explained(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {}})
    command = ("/bin/sh", "-c", "/opt/no/such/program")
    with pytest.raises(ExitedError, match="lacks a program") as caught:
        on_engine.up(changed(plan, "encoder", command=command))
    assert "/opt/no/such/program" in caught.value.log
    assert on_engine.left() == []


def test_an_image_that_has_gone_is_named(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {}})
    with pytest.raises(ImageNotFoundError, match="acme/nothing:1"):
        on_engine.up(changed(plan, "encoder", image="acme/nothing:1"))
    assert on_engine.left() == []


def test_an_executor_that_takes_too_much_memory_is_said_to(on_engine: Engine) -> None:
    program = "data = [bytearray(2**20) for _ in range(4096)]"
    plan = on_engine.plan({"encoder": {"memory": "32M"}}, programs={"encoder": program})
    with pytest.raises(ExitedError, match="more than its 32 MiB of memory"):
        on_engine.up(plan)
    assert on_engine.left() == []


def test_a_port_that_a_process_holds_is_named_with_the_process(on_engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(PortInUseError) as caught:
            on_engine.up(on_engine.plan(port=port))
    assert f"Port {port} of 127.0.0.1" in caught.value.message
    assert f"process {os.getpid()}" in caught.value.message
    assert "port 0" in caught.value.remedy
    assert on_engine.left() == []


def test_a_port_that_another_flow_holds_is_named_with_the_flow(on_engine: Engine) -> None:
    port = on_engine.up(on_engine.plan()).addresses[0].port
    other = f"{on_engine.name}-other"
    with pytest.raises(PortInUseError, match=f"of Flow {on_engine.name}"):
        on_engine.up(on_engine.plan(name=other, port=port))
    assert on_engine.left(other) == []


def test_a_flow_that_is_up_is_not_started_again_and_stays_up(on_engine: Engine) -> None:
    plan = on_engine.plan()
    on_engine.up(plan)
    before = on_engine.left()
    with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}") as caught:
        on_engine.up(plan)
    assert f"cflow down {on_engine.name}" in caught.value.remedy
    assert on_engine.left() == before


def test_two_starts_of_one_name_at_once_leave_one_flow(on_engine: Engine) -> None:
    plan = on_engine.plan()
    outcomes: list[object] = []

    def start() -> None:
        try:
            outcomes.append(on_engine.up(plan))
        except AlreadyRunningError as error:
            outcomes.append(error)

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, AlreadyRunningError) for one in outcomes) == 1
    assert sorted(on_engine.left()) == [on_engine.name, f"{on_engine.name}-gateway-0"]


@pytest.mark.parametrize("kind", ["network", "container"])
def test_a_name_that_something_else_has_is_not_taken_from_it(on_engine: Engine, kind: str) -> None:
    client = on_engine.client
    plan = on_engine.plan()
    if kind == "network":
        taken = client.create_network(on_engine.name)["Id"]
    else:
        taken = client.create_container(plan.gateway.image, name=f"{on_engine.name}-gateway-0")[
            "Id"
        ]
    try:
        with pytest.raises(StartError, match=f"a {kind} named .* belongs to no Flow"):
            on_engine.up(plan)
        assert on_engine.left() == []
    finally:
        # Raises where it has been removed.
        client.remove_network(taken) if kind == "network" else client.remove_container(taken)


def test_a_directory_that_is_not_there_is_not_mounted(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {"volumes": "./words:/words"}})
    with pytest.raises(StartError, match=r"words, which encoder mounts at /words"):
        on_engine.up(plan)
    assert on_engine.left() == []


def test_a_failed_start_removes_the_volumes_it_made_and_no_others(on_engine: Engine) -> None:
    client, name = on_engine.client, on_engine.name
    client.create_volume(f"{name}-kept", labels={FLOW_LABEL: name})
    plan = on_engine.plan(
        {"encoder": {"volumes": ["kept:/kept", "made:/made"]}}, programs={"encoder": FAIL}
    )
    with pytest.raises(ExitedError):
        on_engine.up(plan)
    assert on_engine.left() == [f"{name}-kept"]


def test_a_start_that_is_cancelled_leaves_nothing(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {"volumes": "/data"}}, programs={"encoder": WAIT})
    cancelled = threading.Event()
    outcome: list[BaseException] = []

    def start() -> None:
        try:
            on_engine.up(plan, cancelled=cancelled)
        except KeyboardInterrupt as error:
            outcome.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    while not any("gateway" in name for name in on_engine.left()):
        assert thread.is_alive()
    cancelled.set()
    thread.join()
    assert len(outcome) == 1
    assert on_engine.left() == []


def test_a_container_that_someone_removes_ends_the_start(on_engine: Engine) -> None:
    plan = on_engine.plan({"encoder": {}}, programs={"encoder": WAIT})
    outcome: list[ExitedError] = []

    def start() -> None:
        try:
            on_engine.up(plan)
        except ExitedError as error:
            outcome.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    victim = f"{on_engine.name}-encoder-0"
    while victim not in running(on_engine.client):
        assert thread.is_alive()
    on_engine.client.remove_container(victim, force=True)
    thread.join()
    assert f"{victim} of Executor encoder was stopped or removed by" in outcome[0].message
    assert on_engine.left() == []


def running(client: docker.APIClient) -> list[str]:
    return [one["Names"][0].lstrip("/") for one in client.containers()]


def test_an_engine_that_stops_midway_is_told_from_everything_else(
    on_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = on_engine.plan({"encoder": {}}, programs={"encoder": WAIT})
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    outcome: list[EngineUnavailableError] = []
    with unix_proxy(on_engine.client, path) as proxy:
        cut_off = connect()

        def start() -> None:
            try:
                on_engine.up(plan, client=cut_off)
            except EngineUnavailableError as error:
                outcome.append(error)

        thread = threading.Thread(target=start)
        thread.start()
        while f"{on_engine.name}-encoder-0" not in running(on_engine.client):
            assert thread.is_alive()
        proxy.cut()
        thread.join()
    assert "stopped answering" in outcome[0].message
    # Nobody can remove anything without an engine, so the error says how to do it later.
    assert f"cflow down {on_engine.name}" in outcome[0].remedy


def test_an_engine_that_has_stopped_before_is_no_engine(
    on_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = on_engine.plan()
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with unix_proxy(on_engine.client, path) as proxy:
        cut_off = connect()
        proxy.cut()
        with pytest.raises(EngineUnavailableError, match="stopped answering"):
            on_engine.up(plan, client=cut_off)
    assert on_engine.left() == []
