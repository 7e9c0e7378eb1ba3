from dataclasses import replace
from pathlib import Path

import pytest

from containerflow.flow.yaml import load
from containerflow.plan.lower import lower
from containerflow.plan.model import Gpus, Mount, Plan, Port, Service
from containerflow.targets.docker.container import (
    START_LABEL,
    configuration,
    container_name,
    owned_labels,
)
from containerflow.targets.docker.owner import Owner

FLOW = """
jtype: Flow
with: {name: Search, protocol: http, port: 0}
executors:
  - name: my_index
    uses: docker://acme/index:1
    replicas: 2
    memory: 512M
    cpus: 1.5
    timeout_ctrl: 7000
    env: {MODE: fast}
    volumes: ["data:/data", "./words:/words:ro"]
"""


@pytest.fixture
def plan() -> Plan:
    return lower(load(FLOW))


@pytest.fixture
def service(plan: Plan) -> Service:
    return plan.services[1]


def config(plan: Plan, service: Service) -> dict:
    owned = owned_labels(plan, Owner.detached(), "token")
    return configuration(plan, service, Path("/flows/search"), owned)


def test_every_replica_has_a_name_of_flow_service_and_index(plan: Plan, service: Service) -> None:
    names = [container_name(plan, service, index) for index in range(service.replicas)]
    assert names == ["search-my-index-0", "search-my-index-1"]


def test_a_container_is_found_by_its_service_name_on_the_flows_own_network(
    plan: Plan, service: Service
) -> None:
    made = config(plan, service)
    assert made["HostConfig"]["NetworkMode"] == plan.network
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {plan.network: {"Aliases": ["my-index"]}}
    }


def test_the_plans_hardening_reaches_the_engine(plan: Plan, service: Service) -> None:
    made = config(plan, service)
    host = made["HostConfig"]
    assert made["User"] == "1000:1000"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Init"] is False
    assert host["Tmpfs"]["/tmp"] == "size=67108864,mode=1777"


def test_the_plans_limits_reach_the_engine_in_its_units(plan: Plan, service: Service) -> None:
    host = config(plan, service)["HostConfig"]
    assert host["Memory"] == 512 * 1024 * 1024
    assert host["NanoCpus"] == 1_500_000_000
    assert host["PidsLimit"] == service.limits.pids


def test_a_limit_of_zero_is_no_limit(plan: Plan, service: Service) -> None:
    free = replace(service, limits=replace(service.limits, pids=0, cpus=0.0, memory_bytes=0))
    host = config(plan, free)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (0, 0, None)


def test_the_command_replaces_the_images_own_entry_point(plan: Plan, service: Service) -> None:
    assert config(plan, service)["Entrypoint"] == list(service.command)
    assert "Entrypoint" not in config(plan, replace(service, command=()))


def test_the_probe_is_the_engines_health_check_in_nanoseconds(plan: Plan, service: Service) -> None:
    check = config(plan, service)["Healthcheck"]
    assert check["Test"] == ["CMD", *service.probe.command]
    assert check["Interval"] == service.probe.interval_seconds * 10**9
    assert check["StartPeriod"] == service.probe.start_period_seconds * 10**9
    assert check["Retries"] == service.probe.retries


def test_time_to_stop_and_restart_policy_are_the_plans(plan: Plan, service: Service) -> None:
    made = config(plan, service)
    assert made["StopTimeout"] == 7
    assert made["HostConfig"]["RestartPolicy"] == {"Name": service.restart}


def test_port_zero_asks_the_engine_for_a_free_one(plan: Plan) -> None:
    made = config(plan, plan.gateway)
    assert made["ExposedPorts"] == {"8080/tcp": {}}
    assert made["HostConfig"]["PortBindings"] == {
        "8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]
    }


def test_a_named_port_is_published_as_it_is(plan: Plan) -> None:
    gateway = replace(plan.gateway, ports=(Port(9000, 80, "0.0.0.0", "http"),))
    bindings = config(plan, gateway)["HostConfig"]["PortBindings"]
    assert bindings == {"9000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "80"}]}


def test_a_named_volume_and_a_directory_beside_the_flow_are_mounted(
    plan: Plan, service: Service
) -> None:
    assert config(plan, service)["HostConfig"]["Mounts"] == [
        {"Type": "volume", "Source": "search-data", "Target": "/data", "ReadOnly": False},
        {"Type": "bind", "Source": "/flows/search/words", "Target": "/words", "ReadOnly": True},
    ]


def test_an_absolute_directory_is_mounted_as_it_is(plan: Plan, service: Service) -> None:
    absolute = replace(service, mounts=(Mount("bind", "/srv/words", "/words"),))
    assert config(plan, absolute)["HostConfig"]["Mounts"][0]["Source"] == "/srv/words"


def test_environment_is_handed_over_as_pairs(plan: Plan, service: Service) -> None:
    environment = config(plan, service)["Env"]
    assert "MODE=fast" in environment
    assert any(pair.startswith("CFLOW_SETTINGS={") for pair in environment)


@pytest.mark.parametrize(
    ("gpus", "request_"),
    [
        (Gpus(count=-1), {"Count": -1, "DeviceIDs": None, "Capabilities": [["gpu"]]}),
        (
            Gpus(device_ids=("0", "2")),
            {"Count": 0, "DeviceIDs": ["0", "2"], "Capabilities": [["gpu"]]},
        ),
    ],
    ids=["all", "named"],
)
def test_gpus_are_asked_for_as_devices(
    plan: Plan, service: Service, gpus: Gpus, request_: dict
) -> None:
    assert config(plan, replace(service, gpus=gpus))["HostConfig"]["DeviceRequests"] == [request_]


def test_without_gpus_no_device_is_asked_for(plan: Plan, service: Service) -> None:
    assert "DeviceRequests" not in config(plan, service)["HostConfig"]


def test_labels_tell_flow_service_plan_owner_and_start(plan: Plan, service: Service) -> None:
    labels = config(plan, service)["Labels"]
    assert labels["io.containerflow.flow"] == "search"
    assert labels["io.containerflow.service"] == "my-index"
    assert labels["io.containerflow.plan"] == plan.digest()
    assert labels["io.containerflow.owner"] == "detached"
    assert labels[START_LABEL] == "token"
