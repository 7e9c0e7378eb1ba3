"""One container of a Plan, in the words of the Docker Engine API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from containerflow.plan.model import (
    FLOW_LABEL,
    LABEL_PREFIX,
    OWNER_LABEL,
    PLAN_LABEL,
    SERVICE_LABEL,
    Mount,
    Plan,
    Service,
)
from containerflow.targets.docker.owner import Owner

__all__ = ["START_LABEL", "configuration", "container_name", "labels", "owned_labels"]

START_LABEL = LABEL_PREFIX + "start"
"""Which start made it: tells what a failed start may remove from what was there before."""

_NANOSECONDS = 1_000_000_000


def container_name(plan: Plan, service: Service, index: int) -> str:
    """Name of a replica's container; `index` counts from 0."""
    return f"{plan.name}-{service.name}-{index}"


def owned_labels(plan: Plan, owner: Owner, start: str) -> dict[str, str]:
    """Labels of everything that one start makes: containers, networks and volumes."""
    return {
        FLOW_LABEL: plan.name,
        PLAN_LABEL: plan.digest(),
        OWNER_LABEL: owner.label,
        START_LABEL: start,
    }


def labels(service: Service, owned: dict[str, str]) -> dict[str, str]:
    """Labels of a container: the Plan's own, and those that every start adds."""
    return {**dict(service.labels), **owned, SERVICE_LABEL: service.name}


def configuration(
    plan: Plan, service: Service, root: Path, owned: dict[str, str]
) -> dict[str, Any]:
    """The body of the engine's request to create a container of `service`.

    Args:
        plan: The Plan that the service belongs to.
        service: What to run.
        root: Directory that relative paths of bind mounts start from.
        owned: Labels of `owned_labels`.

    Returns:
        JSON-like data. It names one network only: engines older than API 1.44 take no more.
    """
    probe, limits, security = service.probe, service.limits, service.security
    host: dict[str, Any] = {
        "NetworkMode": plan.network,
        "PortBindings": {
            f"{port.container}/tcp": [
                # An empty port asks the engine for a free one.
                {"HostIp": port.address, "HostPort": str(port.published or "")}
            ]
            for port in service.ports
        },
        "Mounts": [_mount(mount, root) for mount in service.mounts],
        "Tmpfs": {
            scratch.target: f"size={scratch.size_bytes},mode={scratch.mode:o}"
            for scratch in service.scratch
        },
        "ReadonlyRootfs": security.read_only_root,
        "CapDrop": list(security.drop_capabilities),
        "SecurityOpt": ["no-new-privileges"] if security.no_new_privileges else [],
        "Memory": limits.memory_bytes,
        "PidsLimit": limits.pids or None,
        "NanoCpus": round(limits.cpus * _NANOSECONDS),
        "RestartPolicy": {"Name": service.restart},
        # The image's own first process reaps children and passes signals on, in all targets.
        "Init": False,
    }
    if service.gpus is not None:
        host["DeviceRequests"] = [
            {
                "Count": 0 if service.gpus.device_ids else service.gpus.count,
                "DeviceIDs": list(service.gpus.device_ids) or None,
                "Capabilities": [["gpu"]],
            }
        ]
    config: dict[str, Any] = {
        "Image": service.image,
        "Env": [f"{name}={value}" for name, value in service.environment],
        "User": security.user,
        "Labels": labels(service, owned),
        "ExposedPorts": {f"{port.container}/tcp": {} for port in service.ports},
        "StopTimeout": service.stop_grace_seconds,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {plan.network: {"Aliases": [service.name]}}},
    }
    if service.command:
        # As the entry point, not the command, so that an image's own entry point gives way.
        config["Entrypoint"] = list(service.command)
    if probe.command:
        config["Healthcheck"] = {
            "Test": ["CMD", *probe.command],
            "Interval": probe.interval_seconds * _NANOSECONDS,
            "Timeout": probe.timeout_seconds * _NANOSECONDS,
            "StartPeriod": probe.start_period_seconds * _NANOSECONDS,
            "Retries": probe.retries,
        }
    return config


def _mount(mount: Mount, root: Path) -> dict[str, Any]:
    source = mount.source if mount.kind == "volume" else str((root / mount.source).resolve())
    return {
        "Type": mount.kind,
        "Source": source,
        "Target": mount.target,
        "ReadOnly": mount.read_only,
    }
