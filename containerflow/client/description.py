"""What a Flow says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class EndpointDescription:
    """One endpoint of a Flow.

    Attributes:
        name: "/search"; "/default" stands for any name that is not declared.
        summary: One paragraph, from the handler's docstring.
        input_schema: JSON Schema of one document that it takes; empty for any.
        output_schema: JSON Schema of one document that it gives; empty for any.
        parameters_schema: JSON Schema of the parameters; empty for any mapping.
    """

    name: str
    summary: str = ""
    input_schema: Mapping[str, Any] = field(default_factory=dict)
    output_schema: Mapping[str, Any] = field(default_factory=dict)
    parameters_schema: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FlowDescription:
    """A Flow as its callers see it.

    Attributes:
        name: The Flow's name.
        version: Of the containerflow that its Gateway runs.
        executors: Their names, in declared order.
        endpoints: Sorted by name; none while the Flow is still starting.
    """

    name: str
    version: str
    executors: tuple[str, ...]
    endpoints: tuple[EndpointDescription, ...]
