"""What of ours is in an engine: everything is found by label, and nothing unlabelled is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from containerflow.engine.failures import engine_errors
from containerflow.flow.graph import GATEWAY
from containerflow.plan.model import FLOW_LABEL, OWNER_LABEL, PLAN_LABEL, SERVICE_LABEL
from containerflow.targets.docker.owner import Owner

if TYPE_CHECKING:
    from docker import APIClient

__all__ = [
    "ContainerStatus",
    "Labelled",
    "PublishedPort",
    "list_containers",
    "list_networks",
    "list_volumes",
    "ps",
]


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of a container, and where the host publishes it."""

    address: str
    published: int
    container: int


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """A container of a Flow, as the engine sees it.

    Attributes:
        id: The engine's id.
        name: Its name.
        flow: The Flow it belongs to.
        service: The service in the Flow.
        image: What it runs.
        state: The engine's word: created, running, restarting, exited, ...
        status: The engine's sentence for people: "Up 3 seconds (healthy)".
        ports: What is published.
        owner: Who started it; None where the label cannot be read.
        plan: Digest of the Plan it was started from.
        created: Seconds since 1970.
    """

    id: str
    name: str
    flow: str
    service: str
    image: str
    state: str
    status: str
    ports: tuple[PublishedPort, ...]
    owner: Owner | None
    plan: str
    created: int

    @property
    def is_gateway(self) -> bool:
        """Whether callers reach the Flow through it."""
        return self.service == GATEWAY


@dataclass(frozen=True, slots=True)
class Labelled:
    """A network or a volume of a Flow.

    Attributes:
        reference: What the engine takes to name it.
        name: Its name.
        flow: The Flow it belongs to.
        owner: Who made it; None where the label cannot be read.
    """

    reference: str
    name: str
    flow: str
    owner: Owner | None


def ps(engine: APIClient, name: str | None = None) -> list[ContainerStatus]:
    """List the containers of one Flow, or of all, running or not.

    Args:
        engine: The connection to the engine.
        name: The Flow's name; None for every Flow.

    Returns:
        Gateways first within a Flow, then by service and name.

    Raises:
        EngineUnavailableError: The engine does not answer.
    """
    return list_containers(engine, _by_flow(name))


def list_containers(engine: APIClient, label: str = FLOW_LABEL) -> list[ContainerStatus]:
    """List containers that carry `label`, which is a name or `name=value`."""
    with engine_errors("listing containers"):
        found = engine.containers(all=True, filters={"label": [FLOW_LABEL, label]})
    statuses = [_status(entry) for entry in found]
    return sorted(statuses, key=lambda one: (one.flow, not one.is_gateway, one.service, one.name))


def list_networks(engine: APIClient, label: str = FLOW_LABEL) -> list[Labelled]:
    """List networks that carry `label`, which is a name or `name=value`."""
    with engine_errors("listing networks"):
        found = engine.networks(filters={"label": [FLOW_LABEL, label]})
    return [_labelled(entry, entry["Id"]) for entry in found]


def list_volumes(engine: APIClient, label: str = FLOW_LABEL) -> list[Labelled]:
    """List volumes that carry `label`, which is a name or `name=value`."""
    with engine_errors("listing volumes"):
        found = engine.volumes(filters={"label": [FLOW_LABEL, label]})
    return [_labelled(entry, entry["Name"]) for entry in found["Volumes"] or ()]


def _by_flow(name: str | None) -> str:
    return f"{FLOW_LABEL}={name}" if name else FLOW_LABEL


def _labelled(entry: dict[str, Any], reference: str) -> Labelled:
    labels = entry.get("Labels") or {}
    return Labelled(
        reference=reference,
        name=entry["Name"],
        flow=labels.get(FLOW_LABEL, ""),
        owner=Owner.parse(labels.get(OWNER_LABEL, "")),
    )


def _status(entry: dict[str, Any]) -> ContainerStatus:
    labels = entry.get("Labels") or {}
    return ContainerStatus(
        id=entry["Id"],
        name=entry["Names"][0].lstrip("/") if entry.get("Names") else entry["Id"][:12],
        flow=labels.get(FLOW_LABEL, ""),
        service=labels.get(SERVICE_LABEL, ""),
        image=entry.get("Image", ""),
        state=entry.get("State", ""),
        status=entry.get("Status", ""),
        ports=tuple(
            PublishedPort(port.get("IP", ""), port["PublicPort"], port["PrivatePort"])
            for port in entry.get("Ports") or ()
            if port.get("PublicPort")
        ),
        owner=Owner.parse(labels.get(OWNER_LABEL, "")),
        plan=labels.get(PLAN_LABEL, ""),
        created=entry.get("Created", 0),
    )
