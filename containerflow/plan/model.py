"""The Plan: what will run, as plain, frozen, deterministic data.

Everything about a container is decided here and nowhere else. A target reads a Plan and says the
same thing in its own language; where it cannot, it raises `ExportError`.

Units are in the names. Paths inside containers are absolute; paths of the author's are relative to
the directory of the Flow and written with forward slashes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

LABEL_PREFIX = "io.containerflow."
FLOW_LABEL = LABEL_PREFIX + "flow"
SERVICE_LABEL = LABEL_PREFIX + "service"
PLAN_LABEL = LABEL_PREFIX + "plan"
OWNER_LABEL = LABEL_PREFIX + "owner"
"""Who started it; the one label that the Plan does not know, because it differs at each start."""


@dataclass(frozen=True, slots=True)
class Build:
    """How an image is made from source; an image without one is used as it is.

    Attributes:
        kind: `runtime` is containerflow alone (the Gateway, and Executors without a `uses`);
            `directory` an Executor's folder; `module` the source of one class, cut out of the
            file that defines it.
        source: The folder or file, relative to the Flow's directory; empty for `runtime`.
        entry: What to load from it; empty for the folder's own `config.yml` or only class.
        modules: Further files that must be beside it.
        owned_paths: Mount points of named volumes, which the image must own so that a
            container without root can write to a volume made from them.
    """

    kind: Literal["runtime", "directory", "module"]
    source: str = ""
    entry: str = ""
    modules: tuple[str, ...] = ()
    owned_paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Port:
    """A port that is reachable from outside the private network.

    Attributes:
        container: The port that the process listens on.
        published: The port on the host; 0 lets the engine choose a free one.
        address: The host's address to publish on.
        protocol: What is spoken there, for people and for the panel.
    """

    container: int
    published: int
    address: str
    protocol: Literal["http", "grpc", "websocket"]


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume in a container.

    Attributes:
        kind: `volume` is named and outlives the Flow; `bind` is a path of the host.
        source: The volume's name in `Plan.volumes`, or the path.
        target: Where it stands in the container.
        read_only: Whether the container may only read it.
    """

    kind: Literal["volume", "bind"]
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Scratch:
    """Writable memory in a container whose root is read-only; gone when it stops."""

    target: str
    size_bytes: int
    mode: int = 0o1777


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may take; 0 is no limit."""

    memory_bytes: int
    pids: int
    cpus: float = 0.0


@dataclass(frozen=True, slots=True)
class Security:
    """The hardening of a container."""

    user: str
    read_only_root: bool = True
    drop_capabilities: tuple[str, ...] = ("ALL",)
    no_new_privileges: bool = True


@dataclass(frozen=True, slots=True)
class Probe:
    """How a platform asks a container whether it is ready, and how patiently.

    Attributes:
        command: Run inside the container; exit code 0 is ready.
        path: The same question over HTTP.
        port: The admin port that answers it.
        interval_seconds: Between two questions.
        timeout_seconds: For one answer.
        start_period_seconds: Failures before this do not count.
        retries: Failures in a row that make it unhealthy.
    """

    command: tuple[str, ...]
    path: str
    port: int
    interval_seconds: int
    timeout_seconds: int
    start_period_seconds: int
    retries: int


@dataclass(frozen=True, slots=True)
class Gpus:
    """GPUs of a container: a count (-1 is all of them), or named devices."""

    count: int = 0
    device_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """One kind of container, and how many replicas of it run.

    Attributes:
        name: DNS label; other containers find every replica under it.
        role: What it is in the Flow.
        executor: The declared name of the Executor it belongs to; empty for the Gateway.
        image: Repository and, once the image's content is known, tag or digest.
        build: How the image is made; None for one that is used as it is.
        command: Program and arguments.
        environment: Sorted by name.
        needs: Names of services that must be ready first.
        ready_timeout_seconds: How long a start waits for it to be ready; 0 is for ever.
        stop_grace_seconds: Between the polite and the impolite way to stop it.
        restart: When the platform starts it again by itself.
    """

    name: str
    role: Literal["gateway", "executor"]
    executor: str
    image: str
    build: Build | None
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    ports: tuple[Port, ...]
    mounts: tuple[Mount, ...]
    scratch: tuple[Scratch, ...]
    limits: Limits
    security: Security
    probe: Probe
    needs: tuple[str, ...]
    gpus: Gpus | None
    replicas: int
    ready_timeout_seconds: float
    stop_grace_seconds: int
    restart: Literal["no", "on-failure", "always"]
    labels: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A step that documents take, for those who draw the Flow."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole Flow, decided.

    Attributes:
        name: DNS label, first part of the name of all that belongs to the Flow.
        network: The private network's name.
        services: The Gateway, then the Executors in declared order.
        volumes: Names of the named volumes, sorted.
        edges: The graph, in declared order.
    """

    name: str
    network: str
    services: tuple[Service, ...]
    volumes: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def gateway(self) -> Service:
        """The service that callers reach."""
        return next(service for service in self.services if service.role == "gateway")

    def to_dict(self) -> dict[str, Any]:
        """The Plan as mappings, lists and scalars, keys in declared order."""
        mapping = _plain(self)
        assert isinstance(mapping, dict)
        return mapping

    def digest(self) -> str:
        """SHA-256 of the Plan's canonical JSON, in hexadecimal: equal Plans, equal digests."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
