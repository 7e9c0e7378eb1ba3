"""What the Flow, the Gateway and every Executor have in common."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from containerflow.flow.checking import validated
from containerflow.flow.kinds import (
    Environment,
    LimitedMilliseconds,
    Memory,
    Milliseconds,
    Port,
    Text,
    UpperText,
    Whole,
)

LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], UpperText]


class Declaration(BaseModel):
    """A frozen piece of a declaration.

    Two pieces are equal where their canonical JSON is, so that 1, 1.0 and true differ in
    `uses_with` although Python calls them equal: they reach a container as different values.
    """

    SUBJECT: ClassVar[str] = "The declaration"
    """What it is called at the beginning of a message."""
    ALIASES: ClassVar[Mapping[str, str]] = {}
    """Other names of its options."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> str:
        """The declaration as JSON text with sorted keys."""
        return json.dumps(self.model_dump(), sort_keys=True)

    def changed(self, **changes: Any) -> Self:
        """A copy with other values, checked as the first ones were.

        Raises:
            UnknownKeyError: There is no such option.
            DefinitionError: A value that an option cannot have.
        """
        return validated(type(self), {**dict(self), **changes}, self.SUBJECT)

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        said = self.model_dump(exclude_defaults=True)
        return ((name, getattr(self, name)) for name in said)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other) or not isinstance(other, Declaration):
            return NotImplemented
        return self.canonical() == other.canonical()

    def __hash__(self) -> int:
        return hash(self.canonical())


class Options(Declaration):
    """Options of the Flow that the Gateway and every Executor inherit where they say nothing.

    None means "not said here": the Flow's value, and without one the default that the description
    names, which `containerflow.plan.defaults` decides. `env` is united, the nearest value winning.
    """

    env: Environment = Field(
        default_factory=dict,
        description="Environment variables of the container. Those of the Flow reach the Gateway "
        "and every Executor; an Executor's own value wins.",
    )
    timeout_ready: Milliseconds | None = Field(
        default=None,
        description="How long a start waits for the container to be ready, in milliseconds; -1 is "
        "for ever. Default 600000.",
    )
    timeout_send: Milliseconds | None = Field(
        default=None,
        description="Time for one call of an Executor by the Gateway, in milliseconds; -1 is what "
        "the request's own deadline leaves. Default -1.",
    )
    timeout_ctrl: LimitedMilliseconds | None = Field(
        default=None,
        description="Time that a container has to stop once it is told to, in milliseconds; the "
        "larger part of it is for requests in flight. Default 15000.",
    )
    retries: Annotated[Whole, Field(ge=-1)] | None = Field(
        default=None,
        description="Further tries of a call that never reached a replica; -1 is the larger of 3 "
        "and the number of replicas. Default -1.",
    )
    memory: Memory | None = Field(
        default=None,
        description="Most memory that one container may take: bytes, or text such as 512M or 2G "
        "(units are powers of 1024); 0 is no limit. Default 4G, for the Gateway 1G.",
    )
    cpus: Annotated[float, Field(ge=0)] | None = Field(
        default=None,
        description="Most CPUs that one container may take, 1.5 being one and a half; 0 is no "
        "limit. Default 0.",
    )
    max_pending: Annotated[Whole, Field(gt=0)] | None = Field(
        default=None,
        description="Requests queued or running at one container, over which it answers 503 at "
        "once. Default 1024.",
    )
    log_level: LogLevel | None = Field(
        default=None,
        description="Least severe messages that are logged: DEBUG, INFO, WARNING, ERROR or "
        "CRITICAL. Default INFO.",
    )
    quiet: bool | None = Field(
        default=None,
        description="Log errors only; at the Flow also: print no panel and no progress. "
        "`log_level` wins over it. Default false.",
    )
    log_config: Text | None = Field(default=None, description="File that configures logging.")
    transport: Literal["lane", "grpc"] | None = Field(
        default=None,
        description="How the Gateway speaks with the Flow's own Executors. Default lane.",
    )
    reload: bool = Field(default=False, description="Restart when the source changes.")
    monitoring: bool = Field(default=False, description="Publish the metrics' port.")
    port_monitoring: Port | None = Field(default=None, description="Published port of the metrics.")
    tracing: bool = Field(default=False, description="Send traces to an OpenTelemetry collector.")
    traces_exporter_host: Text | None = Field(default=None, description="Collector of traces.")
    traces_exporter_port: Port | None = Field(default=None, description="Its port.")
    metrics: bool = Field(default=False, description="Send metrics to an OpenTelemetry collector.")
    metrics_exporter_host: Text | None = Field(default=None, description="Collector of metrics.")
    metrics_exporter_port: Port | None = Field(default=None, description="Its port.")
