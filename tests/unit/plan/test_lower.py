"""Everything that a declaration leaves open is decided, and nothing that it says is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from containerflow.errors import CycleError, PlanError, UnknownNameError
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.yaml import dump, load
from containerflow.plan import defaults, later
from containerflow.plan.lower import lower
from containerflow.plan.model import FLOW_LABEL, SERVICE_LABEL, Edge, Gpus, Plan, Service
from containerflow.plan.render import render
from containerflow.wire.lane import MAX_PAYLOAD_BYTES
from containerflow.wire.settings import (
    SETTINGS_VARIABLE,
    ExecutorSettings,
    GatewaySettings,
    NodeSettings,
)
from tests.unit.flow import declarations
from tests.unit.plan.flows import SEARCH, flow, plan, service


def gateway_settings(plan: Plan) -> GatewaySettings:
    text = dict(plan.gateway.environment)[SETTINGS_VARIABLE]
    return GatewaySettings.model_validate_json(text)


def executor_settings(service: Service) -> ExecutorSettings:
    return ExecutorSettings.model_validate_json(dict(service.environment)[SETTINGS_VARIABLE])


def lowered(flow: FlowSpec) -> str:
    """The Plan as text, or the error."""
    try:
        return json.dumps(lower(flow).to_dict())
    except PlanError as error:
        return str(error)


def runnable() -> st.SearchStrategy[FlowSpec]:
    """Flows of options that this version runs, with values that can be lowered."""
    names = st.lists(declarations.NAMES, max_size=4, unique_by=str.lower)
    of_executor: dict[str, st.SearchStrategy[Any]] = {
        name: declarations.OF_EXECUTOR[name]
        for name in declarations.OF_EXECUTOR
        if name not in {*later.OF_ALL, *later.OF_EXECUTOR, "memory"}
    } | {
        "uses": st.sampled_from(["", "./a", "b/config.yml", "docker://x/y:1", "m.Class"]),
        "volumes": st.sampled_from([(), ("/data",), ("x:/workspace", "./y:/y:ro")]),
        "workspace": st.sampled_from(["/workspace", "/data/ws"]),
        "py_modules": st.just(()),
    }
    of_gateway = {
        name: declarations.OF_GATEWAY[name] for name in ("title", "cors", "env", "max_pending")
    }

    @st.composite
    def flows(draw: st.DrawFn) -> FlowSpec:
        executors = tuple(
            ExecutorSpec(name=name, **draw(declarations.options(of_executor)))
            for name in draw(names)
        )
        return FlowSpec(
            gateway=GatewaySpec(**draw(declarations.options(of_gateway))), executors=executors
        )

    return flows()


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(runnable())
def test_equal_flows_have_equal_plans_byte_for_byte(flow: FlowSpec) -> None:
    try:
        first = lower(flow)
    except PlanError:
        assume(False)
    second = lower(load(dump(flow)))
    assert json.dumps(first.to_dict()) == json.dumps(second.to_dict())
    assert first.digest() == second.digest()
    assert render(first) == render(second)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(declarations.flows())
def test_any_flow_is_lowered_or_refused_and_always_the_same_way(flow: FlowSpec) -> None:
    assert lowered(flow) == lowered(load(dump(flow)))


def test_the_order_of_keys_makes_no_difference() -> None:
    one = plan({"uses_with": {"a": {"x": 1, "y": 2}, "b": 3}, "env": {"A": "1", "B": "2"}})
    other = plan({"uses_with": {"b": 3, "a": {"y": 2, "x": 1}}, "env": {"B": "2", "A": "1"}})
    assert one == other


def test_different_flows_have_different_digests() -> None:
    assert plan({"uses": "./a"}).digest() != plan({"uses": "./b"}).digest()


PURE = """
import random, sys, time, uuid
from containerflow.flow.yaml import load
from containerflow.plan.lower import lower

def refuse(*arguments, **options):
    raise AssertionError("not pure")

flow = load(sys.stdin.read())
time.time = time.monotonic = random.random = uuid.uuid4 = refuse
events = []
sys.addaudithook(lambda event, arguments: events.append(event) if watching else None)
watching = True
lower(flow)
watching = False
effects = ("open", "os.", "socket.", "subprocess.", "shutil.", "tempfile.", "glob.", "urllib.")
print([event for event in events if event.startswith(effects)])
"""


def test_lowering_touches_nothing_outside() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PURE], input=SEARCH, capture_output=True, text=True, check=False
    )
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_the_audit_of_purity_would_see_an_opened_file() -> None:
    impure = PURE.replace("lower(flow)\n", "lower(flow); open('/dev/null')\n")
    run = subprocess.run(
        [sys.executable, "-c", impure], input=SEARCH, capture_output=True, text=True, check=False
    )
    assert run.stdout == "['open']\n"


def test_the_empty_flow_is_only_a_gateway() -> None:
    empty = plan()
    assert [service.name for service in empty.services] == ["gateway"]
    assert (empty.name, empty.network, empty.edges, empty.volumes) == ("flow", "flow", (), ())
    assert gateway_settings(empty).nodes == ()


def test_names_become_dns_labels_and_labels_say_whose_a_service_is() -> None:
    search = plan({"name": "Lexical_Index"}, name="My_Search")
    assert search.name == search.network == "my-search"
    assert search.services[1].name == "lexical-index"
    assert search.services[1].executor == "Lexical_Index"
    assert dict(search.services[1].labels) == {
        FLOW_LABEL: "my-search",
        SERVICE_LABEL: "lexical-index",
    }


@pytest.mark.parametrize("other", ["A_B", "a-B", "a_b"])
def test_names_that_are_one_name_on_the_network_are_an_error(other: str) -> None:
    with pytest.raises(PlanError, match="would be found on the network as `a-b`"):
        plan({"name": "a-b"}, {"name": other})


def test_an_executor_may_not_be_found_as_the_gateway() -> None:
    with pytest.raises(PlanError, match="the Gateway has that name already"):
        plan({"name": "Gateway"})


def test_names_that_are_too_long_together_are_an_error() -> None:
    with pytest.raises(PlanError, match="longer than the 63 characters"):
        plan({"name": "a" * 60}, name="search")


def test_the_graph_is_told_to_the_gateway_and_to_those_who_draw() -> None:
    search = plan({"name": "a_a"}, {"name": "b", "needs": "gateway"}, {"needs": ["b", "a_a"]})
    assert gateway_settings(search).nodes == (
        NodeSettings(name="a_a", host="a-a"),
        NodeSettings(name="b", host="b"),
        NodeSettings(name="executor2", needs=("b", "a_a"), host="executor2"),
    )
    assert search.edges == (
        Edge("gateway", "a-a"),
        Edge("gateway", "b"),
        Edge("b", "executor2"),
        Edge("a-a", "executor2"),
    )
    assert search.gateway.needs == ("a-a", "b", "executor2")


def test_a_graph_that_cannot_be_is_not_lowered() -> None:
    with pytest.raises(CycleError):
        plan({"name": "a", "needs": "a"})
    with pytest.raises(UnknownNameError):
        plan({"name": "a", "needs": "b"})


def test_every_container_is_hardened_and_limited() -> None:
    for container in lower(load(SEARCH)).services:
        assert container.security.user == "1000:1000"
        assert container.security.read_only_root
        assert container.security.no_new_privileges
        assert container.security.drop_capabilities == ("ALL",)
        assert container.limits.pids == defaults.PIDS
        assert container.limits.memory_bytes > 0
        assert "/tmp" in [scratch.target for scratch in container.scratch]


def test_a_stop_waits_longer_than_requests_in_flight_may_take() -> None:
    for milliseconds in (1, 999, 1000, 2500, 15_000, 600_000):
        stopped = service(timeout_ctrl=milliseconds)
        assert stopped.stop_grace_seconds >= milliseconds / 1000
        assert 0 < executor_settings(stopped).drain_seconds < stopped.stop_grace_seconds


def test_an_executors_arguments_reach_it() -> None:
    lowered = service(
        uses="./a",
        uses_with={"k": [1, None]},
        uses_metas={"name": "x"},
        uses_requests={"/index": "f"},
        allow_concurrent=True,
        max_pending=7,
        log_level="debug",
        replicas=2,
    )
    assert executor_settings(lowered) == ExecutorSettings(
        name="executor0",
        flow="flow",
        uses_with={"k": [1, None]},
        uses_metas={"name": "x"},
        uses_requests={"/index": "f"},
        allow_concurrent=True,
        max_pending=7,
        log_level="DEBUG",
        replicas=2,
    )
    assert lowered.replicas == 2


def test_the_gateways_options_reach_it() -> None:
    lowered = plan(
        name="My_Flow",
        protocol=["http", "grpc"],
        title="T",
        description="D",
        docs=False,
        cors=True,
        max_request_size="1M",
        max_pending=5,
        timeout_request=100,
    )
    told = gateway_settings(lowered)
    assert told.flow == "My_Flow"
    assert [(door.protocol, door.port) for door in told.listeners] == [
        ("http", 8080),
        ("grpc", 50051),
    ]
    assert (told.title, told.description, told.docs, told.cors) == ("T", "D", False, True)
    assert (told.max_body_bytes, told.max_pending, told.timeout_ms) == (2**20, 5, 100)


def test_options_of_the_flow_are_inherited_and_the_nearest_wins() -> None:
    lowered = plan(
        {},
        {"timeout_ready": 5000, "timeout_send": 7, "memory": "64M", "cpus": 2, "workspace": "/ws"},
        timeout_ready=1000,
        timeout_send=3,
        retries=1,
        memory="32M",
        cpus=0.5,
        workspace="/flow",
        allow_concurrent=True,
    )
    gateway, first, second = lowered.services
    ready = [service.ready_timeout_seconds for service in lowered.services]
    assert ready == [1.0, 1.0, 5.0]
    assert [service.limits.memory_bytes >> 20 for service in lowered.services] == [32, 32, 64]
    assert [service.limits.cpus for service in lowered.services] == [0.5, 0.5, 2.0]
    assert [node.timeout_ms for node in gateway_settings(lowered).nodes] == [3, 7]
    assert [node.retries for node in gateway_settings(lowered).nodes] == [1, 1]
    assert executor_settings(first).workspace == "/flow"
    assert executor_settings(second).workspace == "/ws"
    assert executor_settings(first).allow_concurrent
    assert gateway.role == "gateway"


def test_the_gateways_patience_with_executors_wins_over_the_flows() -> None:
    spec = flow({}, {"timeout_send": -1}, timeout_send=3).changed(
        gateway=GatewaySpec(timeout_send=5, retries=2)
    )
    nodes = gateway_settings(lower(spec)).nodes
    assert [(node.timeout_ms, node.retries) for node in nodes] == [(5, 2), (0, 2)]


def test_env_of_the_flow_reaches_all_and_the_nearest_value_wins() -> None:
    spec = flow({"env": {"A": "mine", "HOME": "/home"}}, {}, env={"A": "all", "B": "all"}).changed(
        gateway=GatewaySpec(env={"B": "gate"})
    )
    environments = [dict(service.environment) for service in lower(spec).services]
    for environment in environments:
        del environment[SETTINGS_VARIABLE]
    assert environments == [
        {"A": "all", "B": "gate", "HOME": "/tmp"},
        {"A": "mine", "B": "all", "HOME": "/home"},
        {"A": "all", "B": "all", "HOME": "/workspace"},
    ]


def test_environments_are_sorted() -> None:
    names = [name for name, _ in service(env={"b": "", "A": "", "Z": ""}).environment]
    assert names == sorted(names)


def test_the_settings_variable_cannot_be_taken() -> None:
    with pytest.raises(PlanError, match="CFLOW_SETTINGS in its `env`"):
        service(env={SETTINGS_VARIABLE: "{}"})


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({}, "INFO"),
        ({"quiet": True}, "ERROR"),
        ({"log_level": "WARNING"}, "WARNING"),
        ({"log_level": "DEBUG", "quiet": True}, "DEBUG"),
    ],
)
def test_quiet_containers_log_errors_only(options: dict[str, Any], level: str) -> None:
    inherited, loud = plan({}, {"quiet": False, "name": "loud"}, **options).services[1:]
    assert executor_settings(inherited).log_level == level
    assert executor_settings(loud).log_level == "INFO"


@pytest.mark.parametrize(
    ("timeout", "ready", "start"),
    [(-1, 0.0, 600), (1500, 1.5, 2), (3_600_000, 3600.0, 600), (None, 600.0, 600)],
)
def test_patience_with_a_start(timeout: int | None, ready: float, start: int) -> None:
    lowered = service(timeout_ready=timeout)
    assert lowered.ready_timeout_seconds == ready
    assert lowered.probe.start_period_seconds == start


@pytest.mark.parametrize(
    ("gpus", "expected"),
    [
        ("all", Gpus(count=-1)),
        (2, Gpus(count=2)),
        ([0, "GPU-a"], Gpus(device_ids=("0", "GPU-a"))),
        (0, None),
        (None, None),
    ],
)
def test_gpus(gpus: object, expected: Gpus | None) -> None:
    assert service(gpus=gpus).gpus == expected


def test_an_entrypoint_replaces_the_command() -> None:
    assert service(uses="docker://x", entrypoint="serve --fast").command == ("serve", "--fast")


@pytest.mark.parametrize("memory", [1, 512, "1M"])
def test_memory_that_no_container_starts_with_is_an_error(memory: object) -> None:
    with pytest.raises(PlanError, match="no container starts with less"):
        service(memory=memory)


def test_memory_of_zero_is_no_limit() -> None:
    assert service(memory=0).limits.memory_bytes == 0


@pytest.mark.parametrize("size", [0, "1024M", "2G"])
def test_a_request_that_cannot_be_carried_is_an_error(size: object) -> None:
    with pytest.raises(PlanError, match="max_request_size"):
        plan(max_request_size=size)


def test_the_largest_request_fits_one_frame() -> None:
    assert defaults.LARGEST_REQUEST_BYTES < MAX_PAYLOAD_BYTES


def every_option() -> list[tuple[str, str]]:
    return [
        (subject, name)
        for subject, model in (
            ("flow", FlowSpec),
            ("gateway", GatewaySpec),
            ("executor", ExecutorSpec),
        )
        for name in model.model_fields
        if (subject, name) not in {("flow", "gateway"), ("flow", "executors")}
    ]


OTHER: dict[str, Any] = {
    "name": "other",
    "uses": "./other",
    "uses_with": {"a": 1},
    "uses_metas": {"a": 1},
    "uses_requests": {"/a": "f"},
    "uses_dynamic_batching": {"/a": {}},
    "py_modules": "a.py",
    "needs": "gateway",
    "method": "inspect",
    "when": {"a": 1},
    "polling": "ALL",
    "volumes": "/data",
    "workspace": "/ws",
    "gpus": "all",
    "entrypoint": "serve",
    "docker_kwargs": {"a": 1},
    "exit_on_exceptions": "ValueError",
    "output_array_type": "numpy",
    "env_from_secret": {"A": {"name": "a", "key": "b"}},
    "image_pull_secrets": "a",
    "host": "0.0.0.0",
    "port": 5000,
    "grpc_metadata": {"a": "b"},
    "env": {"A": "1"},
    "memory": "64M",
    "cpus": 1,
    "log_level": "DEBUG",
    "log_config": "log.yml",
    "transport": "grpc",
    "traces_exporter_host": "a",
    "metrics_exporter_host": "a",
    "protocol": "http",
    "title": "a",
    "description": "a",
    "max_request_size": "1M",
    "compression": "gzip",
    "grpc_server_options": {"a": 1},
    "expose_endpoints": {"/a": {}},
    "ssl_certfile": "a",
    "ssl_keyfile": "a",
    "inspect": "HANG",
}


@pytest.mark.parametrize(("subject", "option"), every_option())
def test_no_option_is_passed_over_in_silence(subject: str, option: str) -> None:
    """Each changes the Plan, or is refused with its name."""
    spec = flow({"name": "a"}, {"name": "b", "uses": "./b"})
    changed: FlowSpec | GatewaySpec | ExecutorSpec
    changed = {"flow": spec, "gateway": spec.gateway, "executor": spec.executors[1]}[subject]
    before = getattr(changed, option)
    value = OTHER.get(option, not before if isinstance(before, bool) else None)
    if value is None:
        value = True if type(changed).model_fields[option].annotation == (bool | None) else 5
    changed = changed.changed(**{option: value})
    match subject:
        case "flow":
            assert isinstance(changed, FlowSpec)
            after = changed
        case "gateway":
            after = spec.changed(gateway=changed)
        case _:
            after = spec.changed(executors=(spec.executors[0], changed))
    assert after != spec
    outcome = lowered(after)
    assert outcome != lowered(spec)
    if not outcome.startswith("{"):
        assert f"`{option}" in outcome
        assert "does not run yet" in outcome


def test_websocket_is_not_run_yet() -> None:
    with pytest.raises(PlanError, match="`protocol: websocket`"):
        plan(protocol=["http", "websocket"], port=[0, 9000])
