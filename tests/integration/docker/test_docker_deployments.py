"""A Flow that runs: how it is labelled, what happens to it, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from containerflow.engine.connection import connect
from containerflow.errors import EngineError, EngineUnavailableError
from containerflow.plan.model import (
    FLOW_LABEL,
    OWNER_LABEL,
    PLAN_LABEL,
    SERVICE_LABEL,
    Plan,
)
from containerflow.progress import Silent
from containerflow.targets.docker import Deployment, Owner, down, prune, ps, up
from tests.integration.docker.conftest import Engine, changed
from tests.integration.docker.engine_proxy import tcp_proxy, unix_proxy

pytestmark = pytest.mark.engine

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('here', flush=True); time.sleep(600)"
)


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something that is under way has happened; the test's own time limit ends it."""
    while not holds():
        time.sleep(0.02)


def leave_by_a_dead_owner(on_engine: Engine, plan: Plan) -> None:
    """Start a Flow for a process that lives, and then dies without stopping it."""
    code = (
        "from containerflow.targets.docker import Owner;"
        "print(Owner.current().label, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        owner = Owner.parse(process.stdout.readline().strip())
        assert owner is not None
        on_engine.up(plan, owner=owner).release()
        process.kill()


def test_a_flow_answers_on_the_port_that_the_engine_chose_until_it_is_closed(
    on_engine: Engine,
) -> None:
    deployment = on_engine.up(on_engine.plan({"a": {}, "b": {}}))
    (address,) = deployment.addresses
    assert address.host == "127.0.0.1"
    with urllib.request.urlopen(f"http://{address.local}/readyz") as response:
        assert json.load(response)["ready"] is True
    deployment.close()
    assert on_engine.left() == []
    deployment.close()


def test_a_flow_that_speaks_only_grpc_is_waited_for_too(on_engine: Engine) -> None:
    deployment = on_engine.up(on_engine.plan({"a": {}}, protocol="grpc"))
    assert deployment.addresses[0].protocol == "grpc"


def test_a_flow_with_two_doors_has_two_addresses_in_declared_order(on_engine: Engine) -> None:
    plan = on_engine.plan(protocol=["grpc", "http"], port=[0, 0])
    deployment = on_engine.up(plan)
    assert [address.protocol for address in deployment.addresses] == ["grpc", "http"]
    assert len({address.port for address in deployment.addresses}) == 2


@pytest.fixture(scope="module")
def standing(shared: Engine) -> Deployment:
    """A Flow with a volume and two replicas, for tests that only look at it."""
    return shared.up(shared.plan({"index": {"volumes": "data:/data", "replicas": 2}}))


def test_the_private_address_reaches_the_container_itself(standing: Deployment) -> None:
    with urllib.request.urlopen(f"http://{standing.addresses[0].private}/readyz") as response:
        assert response.status == 200


def test_everything_of_a_flow_carries_its_labels(standing: Deployment, shared: Engine) -> None:
    client = shared.client
    mine = {"label": f"{FLOW_LABEL}={standing.name}"}
    found = [
        *client.containers(filters=mine),
        *client.networks(filters=mine),
        *client.volumes(filters=mine)["Volumes"],
    ]
    assert len(found) == 5
    for one in found:
        assert one["Labels"][PLAN_LABEL] == standing.plan.digest()
        assert Owner.parse(one["Labels"][OWNER_LABEL]) == Owner.current()
    services = {one["Labels"].get(SERVICE_LABEL) for one in client.containers(filters=mine)}
    assert services == {"gateway", "index"}


def test_containers_run_with_the_plans_hardening(standing: Deployment, shared: Engine) -> None:
    made = shared.client.inspect_container(f"{standing.name}-gateway-0")
    assert made["Config"]["User"] == "1000:1000"
    assert made["HostConfig"]["ReadonlyRootfs"] is True
    assert made["HostConfig"]["CapDrop"] == ["ALL"]
    assert made["HostConfig"]["SecurityOpt"] == ["no-new-privileges"]
    assert made["HostConfig"]["PidsLimit"] > 0
    assert made["HostConfig"]["Memory"] > 0
    published = made["NetworkSettings"]["Ports"]["8080/tcp"]
    assert {binding["HostIp"] for binding in published} == {"127.0.0.1"}


def test_ps_lists_every_replica_gateway_first(standing: Deployment, shared: Engine) -> None:
    listed = ps(shared.client, standing.name)
    assert [one.name.removeprefix(f"{standing.name}-") for one in listed] == [
        "gateway-0",
        "index-0",
        "index-1",
    ]
    assert {one.state for one in listed} == {"running"}
    assert {str(one.owner) for one in listed} == {str(Owner.current())}
    assert listed[0].ports[0].container == 8080
    assert standing.name in {one.flow for one in ps(shared.client)}


def test_the_engines_own_health_check_passes_as_well(on_engine: Engine) -> None:
    plan = on_engine.plan()
    probe = replace(plan.gateway.probe, interval_seconds=1)
    on_engine.up(changed(plan, "gateway", probe=probe))

    def health() -> str:
        made = on_engine.client.inspect_container(f"{on_engine.name}-gateway-0")
        return str(made["State"]["Health"]["Status"])

    eventually(lambda: health() != "starting")
    assert health() == "healthy"


def test_two_flows_of_different_names_run_side_by_side(on_engine: Engine) -> None:
    first = on_engine.up(on_engine.plan())
    second = on_engine.up(on_engine.plan(name=f"{on_engine.name}-other"))
    assert first.addresses[0].port != second.addresses[0].port
    first.close()
    with urllib.request.urlopen(f"http://{second.addresses[0].local}/readyz") as response:
        assert response.status == 200


def test_closing_passes_over_what_is_gone_already(on_engine: Engine) -> None:
    deployment = on_engine.up(on_engine.plan({"a": {}, "b": {}}))
    on_engine.client.remove_container(f"{on_engine.name}-a-0", force=True)
    on_engine.client.kill(f"{on_engine.name}-b-0")
    deployment.close()
    assert on_engine.left() == []


def test_closing_names_a_network_that_others_still_use(on_engine: Engine) -> None:
    plan = on_engine.plan()
    deployment = on_engine.up(plan)
    client = on_engine.client
    guest = client.create_container(plan.gateway.image, ["sleep", "600"])["Id"]
    try:
        client.connect_container_to_network(guest, on_engine.name)
        client.start(guest)
        with pytest.raises(Exception, match="other containers attached"):
            deployment.close()
    finally:
        client.remove_container(guest, force=True)
    deployment.close()
    assert on_engine.left() == []


def test_a_container_that_does_not_stop_is_killed_after_its_grace(on_engine: Engine) -> None:
    plan = on_engine.plan(programs={"gateway": serve_ready(STUBBORN)})
    deployment = on_engine.up(changed(plan, "gateway", stop_grace_seconds=1))
    deployment.close()
    assert on_engine.left() == []


def test_in_a_hurry_nothing_is_waited_for(on_engine: Engine) -> None:
    plan = on_engine.plan(programs={"gateway": serve_ready(STUBBORN)})
    deployment = on_engine.up(changed(plan, "gateway", stop_grace_seconds=100))
    hurry = threading.Event()
    closing = threading.Thread(target=deployment.close, kwargs={"hurry": hurry})
    closing.start()
    hurry.set()
    # The grace is longer than the time that this test may take.
    closing.join()
    assert on_engine.left() == []


def serve_ready(then: str) -> str:
    """A program that is ready at once, in the place of a Gateway."""
    return (
        "import http.server as h, threading\n"
        "class R(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "    def log_message(self, *words): pass\n"
        "s = h.HTTPServer(('', 8080), R)\n"
        "threading.Thread(target=s.serve_forever, daemon=True).start()\n"
        f"{then}\n"
    )


def test_volumes_outlive_the_flow_with_what_is_in_them(on_engine: Engine) -> None:
    write = "open('/data/note', 'w').write('kept'); print('written', flush=True)"
    read = "print(open('/data/note').read(), flush=True)"
    executors = {"index": {"volumes": "data:/data"}}
    for program in (write, read):
        # Both end at once, and so fail the start after their work is done.
        plan = on_engine.plan(executors, programs={"index": f"{program}; raise SystemExit(9)"})
        if program is write:
            on_engine.client.create_volume(
                f"{on_engine.name}-data", labels={FLOW_LABEL: on_engine.name}
            )
        with pytest.raises(Exception, match="exit code 9") as caught:
            on_engine.up(plan)
    assert caught.value.log == "kept"
    assert on_engine.left() == [f"{on_engine.name}-data"]


def test_down_stops_a_flow_by_its_name_and_keeps_its_volumes(on_engine: Engine) -> None:
    name = on_engine.name
    on_engine.up(on_engine.plan({"a": {"volumes": "data:/data"}}), owner=Owner.detached())
    removed = down(on_engine.client, name)
    assert set(removed.containers) == {f"{name}-gateway-0", f"{name}-a-0"}
    assert removed.networks == (name,)
    assert on_engine.left() == [f"{name}-data"]
    assert down(on_engine.client, name, volumes=True).volumes == (f"{name}-data",)
    assert on_engine.left() == []
    assert not down(on_engine.client, name)


def test_what_a_dead_owner_left_is_swept_by_the_next_start_of_any_flow(on_engine: Engine) -> None:
    leave_by_a_dead_owner(on_engine, on_engine.plan())
    on_engine.up(on_engine.plan(name=f"{on_engine.name}-other"))
    assert on_engine.left() == []


def test_the_same_flow_starts_again_after_its_owner_died(on_engine: Engine) -> None:
    plan = on_engine.plan()
    leave_by_a_dead_owner(on_engine, plan)
    on_engine.up(plan)
    assert {one.owner for one in ps(on_engine.client, on_engine.name)} == {Owner.current()}


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_what_a_dead_owner_left_and_cannot_be_removed_holds_up_only_its_own_flow(
    on_engine: Engine,
) -> None:
    plan, client = on_engine.plan(), on_engine.client
    leave_by_a_dead_owner(on_engine, plan)
    guest = client.create_container(plan.gateway.image, ["sleep", "600"])["Id"]
    told = Told()
    try:
        client.connect_container_to_network(guest, on_engine.name)
        client.start(guest)
        with pytest.raises(EngineError, match="other containers attached"):
            on_engine.up(plan)
        with pytest.raises(EngineError, match="other containers attached"):
            prune(client)
        other = on_engine.plan(name=f"{on_engine.name}-other")
        on_engine.running.append(up(other, client, told, root=on_engine.root))
    finally:
        client.remove_container(guest, force=True)
    (line,) = [line for line in told.lines if f"Flow {on_engine.name}," in line]
    assert "other containers attached" in line
    assert "docker network disconnect" in line
    prune(client)
    assert on_engine.left() == []


def test_prune_removes_what_dead_owners_left_and_nothing_else(on_engine: Engine) -> None:
    name, client = on_engine.name, on_engine.client
    on_engine.up(on_engine.plan(name=f"{name}-other"), owner=Owner.detached())
    leave_by_a_dead_owner(on_engine, on_engine.plan({"a": {"volumes": "/data"}}))
    unlabelled = client.create_network(f"{name}-unlabelled")["Id"]
    try:
        # What was removed is not asked: any other start on this engine sweeps as well.
        assert prune(client).volumes == ()
        assert on_engine.left() == [f"{name}-a-data"]
        assert len(on_engine.left(f"{name}-other")) == 2
    finally:
        # Raises where it has been removed.
        client.remove_network(unlabelled)


def test_a_container_that_ends_is_started_again_and_logged(
    on_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    deployment = on_engine.up(on_engine.plan({"a": {}}))
    victim = f"{on_engine.name}-a-0"
    process = on_engine.client.inspect_container(victim)["State"]["Pid"]
    # From within: what the engine itself is told to kill, it does not start again.
    kill = on_engine.client.exec_create(victim, ["/bin/sh", "-c", "kill -9 -1"], user="1000")["Id"]
    on_engine.client.exec_start(kill)

    def pid() -> int:
        return int(on_engine.client.inspect_container(victim)["State"]["Pid"])

    eventually(lambda: pid() not in (0, process))
    eventually(lambda: "has been started again" in caplog.text)
    assert f"{victim} ended with exit code" in caplog.text
    assert deployment.failure is None


def test_a_container_that_is_gone_for_good_is_a_failure_of_the_flow(on_engine: Engine) -> None:
    deployment = on_engine.up(on_engine.plan({"a": {}}))
    assert deployment.failure is None
    on_engine.client.remove_container(f"{on_engine.name}-a-0", force=True)
    eventually(lambda: deployment.failure)
    assert f"{on_engine.name}-a-0" in str(deployment.failure)


def test_a_container_that_someone_stops_is_said_to_have_been_stopped(on_engine: Engine) -> None:
    deployment = on_engine.up(on_engine.plan())
    on_engine.client.stop(f"{on_engine.name}-gateway-0")
    eventually(lambda: deployment.failure)
    assert "was stopped by someone else" in str(deployment.failure)


def test_an_engine_that_comes_back_is_asked_what_happened_meanwhile(
    on_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    plan = on_engine.plan()
    with unix_proxy(on_engine.client, path) as proxy:
        deployment = on_engine.up(plan, client=connect())
        proxy.cut()
    on_engine.client.remove_container(f"{on_engine.name}-gateway-0", force=True)
    assert deployment.failure is None
    path.unlink()
    with unix_proxy(on_engine.client, path):
        eventually(lambda: deployment.failure)
        assert f"{on_engine.name}-gateway-0" in str(deployment.failure)
        deployment.close()


def test_an_engine_of_another_machine_is_asked_itself_where_its_loopback_is_out_of_reach(
    on_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An address of the loopback network that is not the usual one stands for another machine's.
    with tcp_proxy(on_engine.client, "127.0.0.2") as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        remote = connect()
        deployment = on_engine.up(on_engine.plan({"a": {}}), client=remote)
        assert deployment.addresses[0].private == ""
        deployment.close()
    assert on_engine.left() == []


def test_an_engine_of_another_machine_is_reached_at_its_host(
    on_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tcp_proxy(on_engine.client, "127.0.0.2") as url:
        monkeypatch.setenv("DOCKER_HOST", url)
        deployment = on_engine.up(on_engine.plan(host="127.0.0.2"), client=connect())
        assert deployment.addresses[0].local == f"127.0.0.2:{deployment.addresses[0].port}"
        deployment.close()


def test_closing_without_an_engine_says_so_and_can_be_tried_again(
    on_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "engine.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    plan = on_engine.plan()
    with unix_proxy(on_engine.client, path) as proxy:
        deployment = on_engine.up(plan, client=connect())
        proxy.cut()
        with pytest.raises(EngineUnavailableError):
            deployment.close()
    path.unlink()
    with unix_proxy(on_engine.client, path):
        deployment.close()
    assert on_engine.left() == []
