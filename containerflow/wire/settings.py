"""What a container is told about its place in the Flow: one environment variable, JSON text.

The Plan writes it and the runtime reads it, so both share these models. The text is the same in
every target: addresses are DNS names and ports are fixed.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SETTINGS_VARIABLE = "CFLOW_SETTINGS"
"""The environment variable that holds the JSON text of a GatewaySettings or ExecutorSettings."""

LANE_PORT = 7070
GRPC_PORT = 50051
ADMIN_PORT = 9464
SOURCE_DIRECTORY = "/app"
"""Where the Executor's own files stand in its image."""
WORKSPACE_DIRECTORY = "/workspace"

Protocol = Literal["http", "grpc", "websocket"]
Transport = Literal["lane", "grpc"]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def to_text(self) -> str:
        """The canonical JSON text: defaults left out, so that the text says only what differs."""
        return self.model_dump_json(exclude_defaults=True)


class NodeSettings(_Settings):
    """One Executor as the Gateway sees it.

    Attributes:
        name: The Executor's name.
        needs: Names of the nodes whose answers it takes, in declared order; `gateway` for the
            caller's own request.
        host: DNS name that resolves to every replica.
        port: Port of the door that `transport` names.
        transport: Which door of the Executor the Gateway uses.
        replicas: How many replicas were declared; the Gateway is ready when as many answer.
        timeout_ms: Time for one call, in milliseconds; 0 for what the request's deadline leaves.
        retries: Further tries of a call that never reached a replica; -1 for the default, which is
            the larger of 3 and the number of replicas.
    """

    name: str
    needs: tuple[str, ...] = ("gateway",)
    host: str
    port: int = LANE_PORT
    transport: Transport = "lane"
    replicas: int = 1
    timeout_ms: int = 0
    retries: int = -1


class ListenerSettings(_Settings):
    """One public door of the Gateway."""

    protocol: Protocol
    port: int


class GatewaySettings(_Settings):
    """All that the Gateway's process needs.

    Attributes:
        flow: The Flow's name.
        listeners: Public doors.
        nodes: The graph, in declared order.
        title: Heading of the generated API page.
        description: Text below the heading.
        docs: Serve `/docs` and `/openapi.json`.
        cors: Answer browsers of other origins.
        max_body_bytes: Largest request body, in bytes; beyond it the caller gets 413.
        max_pending: Requests in flight, over which the caller gets 503 at once.
        timeout_ms: Deadline of a request whose caller names none, in milliseconds.
        drain_seconds: How long a stop waits for requests in flight.
        log_level: Name of a level of the standard library's logging.
        admin_port: Port of `/livez`, `/readyz` and `/metrics`.
    """

    flow: str
    listeners: tuple[ListenerSettings, ...]
    nodes: tuple[NodeSettings, ...] = ()
    title: str = ""
    description: str = ""
    docs: bool = True
    cors: bool = False
    max_body_bytes: int = 64 * 1024 * 1024
    max_pending: int = 1024
    timeout_ms: int = 600_000
    drain_seconds: float = 10.0
    log_level: str = "INFO"
    admin_port: int = ADMIN_PORT


class ExecutorSettings(_Settings):
    """All that an Executor's process needs.

    Attributes:
        name: The Executor's name in the Flow.
        flow: The Flow's name.
        uses: What to load from the source directory: a class name, `module.Class`, the name of a
            YAML file, or empty for the directory's `config.yml`, else the one Executor class in
            `executor.py`.
        py_modules: Files under the source directory to import before `uses` is looked up.
        uses_with: Keyword arguments of the class; they win over `with` in `config.yml`.
        uses_metas: Wins over `metas` in `config.yml`.
        uses_requests: Endpoint to method name; wins over the decorators.
        workspace: Directory that `self.workspace` lies under.
        shard_id: Which shard this is, from 0.
        shards: How many shards there are.
        replicas: How many replicas there are.
        allow_concurrent: Let sync handlers run in several threads at once.
        max_pending: Requests queued or running, over which the replica answers 503.
        drain_seconds: How long a stop waits for requests in flight.
        log_level: Name of a level of the standard library's logging.
        lane_port: Port of the lane.
        grpc_port: Port of gRPC.
        admin_port: Port of `/livez`, `/readyz` and `/metrics`.
    """

    name: str
    flow: str = ""
    uses: str = ""
    py_modules: tuple[str, ...] = ()
    uses_with: dict[str, Any] = Field(default_factory=dict)
    uses_metas: dict[str, Any] = Field(default_factory=dict)
    uses_requests: dict[str, str] = Field(default_factory=dict)
    workspace: str = WORKSPACE_DIRECTORY
    shard_id: int = 0
    shards: int = 1
    replicas: int = 1
    allow_concurrent: bool = False
    max_pending: int = 1024
    drain_seconds: float = 10.0
    log_level: str = "INFO"
    lane_port: int = LANE_PORT
    grpc_port: int = GRPC_PORT
    admin_port: int = ADMIN_PORT
