"""What is declared of a whole Flow, and the one canonical form of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from containerflow.flow.executor import ExecutorSpec
from containerflow.flow.gateway import GatewaySpec
from containerflow.flow.graph import default_need, unconsumed
from containerflow.flow.kinds import Name, Text
from containerflow.flow.options import Options

__all__ = ["ExecutorSpec", "FlowSpec", "GatewaySpec"]


class FlowSpec(Options):
    """A Flow as declared.

    It is canonical: every Executor has its name, `needs` is None where it says no more than the
    default, and `method` is `add` or `inspect`. So two declarations of one Flow are equal.

    Example:
        >>> flow = FlowSpec(executors=(ExecutorSpec(), ExecutorSpec(needs="executor0")))
        >>> [executor.name for executor in flow.executors], flow.executors[1].needs
        (['executor0', 'executor1'], None)
    """

    SUBJECT: ClassVar[str] = "The Flow"

    name: Name = Field(
        default="flow",
        description="Name of the Flow; the names of its containers begin with it.",
    )
    workspace: Text | None = Field(
        default=None, description="`workspace` of the Executors that name none."
    )
    allow_concurrent: bool | None = Field(
        default=None, description="`allow_concurrent` of the Executors that say nothing."
    )
    inspect: Literal["COLLECT", "HANG", "REMOVE"] = Field(
        default="COLLECT", description="What becomes of Executors with `method: inspect`."
    )
    gateway: GatewaySpec = Field(default_factory=GatewaySpec, description="The Gateway.")
    executors: tuple[ExecutorSpec, ...] = Field(
        default=(), description="The Executors, in declared order."
    )

    @field_validator("executors")
    @classmethod
    def _canonical_executors(cls, executors: tuple[ExecutorSpec, ...]) -> tuple[ExecutorSpec, ...]:
        canonical: list[ExecutorSpec] = []
        for index, declared in enumerate(executors):
            name = declared.name or f"executor{index}"
            needs = unconsumed(canonical) if declared.method == "needs_all" else declared.needs
            if needs == (default_need(canonical),):
                needs = None
            method = "inspect" if declared.method == "inspect" else "add"
            if (name, needs, method) != (declared.name, declared.needs, declared.method):
                declared = declared.changed(name=name, needs=needs, method=method)
            canonical.append(declared)
        return tuple(canonical)
