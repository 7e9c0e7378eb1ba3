"""From the declaration to the Plan: a pure step that decides everything that was left open."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from containerflow.errors import PlanError
from containerflow.flow.executor import ExecutorSpec
from containerflow.flow.graph import GATEWAY, Graph, resolve
from containerflow.flow.options import Options
from containerflow.flow.quantity import bytes_of
from containerflow.flow.spec import FlowSpec
from containerflow.plan import defaults
from containerflow.plan.inheritance import (
    drain_seconds,
    environment,
    grace_seconds,
    log_level,
    memory_bytes,
    nearest,
)
from containerflow.plan.later import refuse_later
from containerflow.plan.model import (
    FLOW_LABEL,
    SERVICE_LABEL,
    Build,
    Edge,
    Gpus,
    Limits,
    Plan,
    Probe,
    Security,
    Service,
)
from containerflow.plan.names import dns_label, joined_label, service_names
from containerflow.plan.ports import gateway_ports
from containerflow.plan.uses import locate_code
from containerflow.plan.volumes import Volumes, scratch, workspace_path
from containerflow.wire.settings import (
    ADMIN_PORT,
    GRPC_PORT,
    LANE_PORT,
    WORKSPACE_DIRECTORY,
    ExecutorSettings,
    GatewaySettings,
    ListenerSettings,
    NodeSettings,
    Transport,
)

_DOORS: dict[Transport, int] = {"lane": LANE_PORT, "grpc": GRPC_PORT}


def lower(spec: FlowSpec) -> Plan:
    """Decide what runs.

    No file is opened and nothing is asked of clock, network or environment: equal Flows give
    Plans that are equal byte for byte.

    Args:
        spec: The Flow.

    Raises:
        DefinitionError: Its graph cannot be.
        PlanError: It asks for what cannot be run, or not by this version.

    Example:
        >>> plan = lower(FlowSpec(name="search", executors=(ExecutorSpec(uses="./encoder"),)))
        >>> [service.image for service in plan.services]
        ['containerflow/runtime', 'containerflow/search-executor0']
    """
    refuse_later(spec)
    graph = resolve(spec.executors)
    flow = dns_label(spec.name)
    services = service_names(graph.names)
    volumes = Volumes(flow)
    gateway = _gateway(spec, graph, flow, services)
    executors = tuple(
        _executor(spec, executor, flow, services[executor.name], volumes)
        for executor in spec.executors
    )
    node = {GATEWAY: GATEWAY, **services}
    return Plan(
        name=flow,
        network=flow,
        services=(gateway, *executors),
        volumes=volumes.names,
        edges=tuple(Edge(node[source], node[target]) for source, target in graph.edges),
    )


def _gateway(spec: FlowSpec, graph: Graph, flow: str, services: Mapping[str, str]) -> Service:
    gateway = spec.gateway
    ports = gateway_ports(gateway)
    settings = GatewaySettings(
        flow=spec.name,
        listeners=tuple(
            ListenerSettings(protocol=port.protocol, port=port.container) for port in ports
        ),
        nodes=tuple(
            NodeSettings(
                name=executor.name,
                needs=graph.needs[executor.name],
                host=services[executor.name],
                port=_DOORS[transport],
                transport=transport,
                replicas=executor.replicas,
                timeout_ms=max(0, nearest("timeout_send", 0, executor, gateway, spec)),
                retries=nearest("retries", defaults.RETRIES, executor, gateway, spec),
            )
            for executor in spec.executors
            for transport in (nearest("transport", defaults.TRANSPORT, executor, gateway, spec),)
        ),
        title=gateway.title,
        description=gateway.description,
        docs=gateway.docs,
        cors=gateway.cors,
        max_body_bytes=_request_bytes(gateway.max_request_size),
        max_pending=nearest("max_pending", defaults.MAX_PENDING, gateway, spec),
        timeout_ms=nearest("timeout_request", defaults.TIMEOUT_REQUEST, gateway),
        drain_seconds=drain_seconds(gateway, spec),
        log_level=log_level(gateway, spec),
    )
    subject = "The Gateway"
    return _service(
        subject,
        (gateway, spec),
        name=GATEWAY,
        flow=flow,
        settings=settings,
        default_memory_bytes=defaults.GATEWAY_MEMORY_BYTES,
        home=defaults.TEMPORARY_DIRECTORY,
        role="gateway",
        executor="",
        image=defaults.RUNTIME_IMAGE,
        build=Build("runtime"),
        command=defaults.GATEWAY_COMMAND,
        ports=ports,
        mounts=(),
        scratch=scratch((), None),
        needs=tuple(services.values()),
        gpus=None,
        replicas=1,
    )


def _executor(
    spec: FlowSpec, executor: ExecutorSpec, flow: str, service: str, volumes: Volumes
) -> Service:
    subject = f"Executor `{executor.name}`"
    # The longest name that a target makes of both: a container's, with a replica's number.
    joined_label((flow, service, str(executor.replicas - 1)), f"A container of {subject}")
    workspace = workspace_path(
        executor.name, nearest("workspace", WORKSPACE_DIRECTORY, executor, spec)
    )
    mounts = volumes.mounts(executor.name, service, executor.volumes)
    owned = sorted(mount.target for mount in mounts if mount.kind == "volume")
    code = locate_code(executor, flow=flow, service=service, owned_paths=tuple(owned))
    settings = ExecutorSettings(
        name=executor.name,
        flow=spec.name,
        uses=code.entry,
        py_modules=code.modules,
        uses_with=_sorted(executor.uses_with),
        uses_metas=_sorted(executor.uses_metas),
        uses_requests=_sorted(executor.uses_requests),
        workspace=workspace,
        replicas=executor.replicas,
        allow_concurrent=nearest("allow_concurrent", False, executor, spec),
        max_pending=nearest("max_pending", defaults.MAX_PENDING, executor, spec),
        drain_seconds=drain_seconds(executor, spec),
        log_level=log_level(executor, spec),
    )
    return _service(
        subject,
        (executor, spec),
        name=service,
        flow=flow,
        settings=settings,
        default_memory_bytes=defaults.EXECUTOR_MEMORY_BYTES,
        home=workspace,
        role="executor",
        executor=executor.name,
        image=code.image,
        build=code.build,
        command=executor.entrypoint or defaults.EXECUTOR_COMMAND,
        ports=(),
        mounts=mounts,
        scratch=scratch(mounts, workspace),
        needs=(),
        gpus=_gpus(executor.gpus),
        replicas=executor.replicas,
    )


def _service(
    subject: str,
    levels: tuple[Options, FlowSpec],
    *,
    name: str,
    flow: str,
    settings: GatewaySettings | ExecutorSettings,
    default_memory_bytes: int,
    home: str,
    **decided: Any,
) -> Service:
    """What is the same for the Gateway and the Executors; `levels` is the nearest first."""
    own, spec = levels
    timeout_ready = nearest("timeout_ready", defaults.TIMEOUT_READY, own, spec)
    is_patient = timeout_ready < 0
    start_period = defaults.PROBE_LONGEST_START_SECONDS
    if not is_patient:
        start_period = min(start_period, math.ceil(timeout_ready / 1000))
    return Service(
        name=name,
        environment=environment(subject, settings.to_text(), home, own, spec),
        limits=Limits(
            memory_bytes=memory_bytes(subject, nearest("memory", default_memory_bytes, own, spec)),
            pids=defaults.PIDS,
            cpus=nearest("cpus", defaults.CPUS, own, spec),
        ),
        security=Security(user=defaults.USER),
        probe=Probe(
            command=(defaults.PROBE_COMMAND, str(ADMIN_PORT), defaults.PROBE_PATH),
            path=defaults.PROBE_PATH,
            port=ADMIN_PORT,
            interval_seconds=defaults.PROBE_INTERVAL_SECONDS,
            timeout_seconds=defaults.PROBE_TIMEOUT_SECONDS,
            start_period_seconds=start_period,
            retries=defaults.PROBE_RETRIES,
        ),
        ready_timeout_seconds=0.0 if is_patient else timeout_ready / 1000,
        stop_grace_seconds=grace_seconds(own, spec),
        restart=defaults.RESTART,
        labels=((FLOW_LABEL, flow), (SERVICE_LABEL, name)),
        **decided,
    )


def _request_bytes(quantity: str | int | None) -> int:
    size = defaults.MAX_REQUEST_BYTES if quantity is None else bytes_of(quantity)
    if not 0 < size <= defaults.LARGEST_REQUEST_BYTES:
        raise PlanError(
            f"The Gateway has `max_request_size: {quantity}`, which is {size:,} bytes; from 1 to "
            f"{defaults.LARGEST_REQUEST_BYTES:,} can be carried.",
            remedy="Choose a size between, such as 64M, and send more in several requests.",
        )
    return size


def _gpus(request: str | None) -> Gpus | None:
    if request is None or (request.isdecimal() and int(request) == 0):
        return None
    if request == "all":
        return Gpus(count=-1)
    if request.isdecimal():
        return Gpus(count=int(request))
    return Gpus(device_ids=tuple(request.removeprefix("device=").split(",")))


def _sorted(value: Any) -> Any:
    """The same with the keys of all mappings in order: equal settings, equal text."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value
