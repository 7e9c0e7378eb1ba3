"""What an endpoint of the whole Flow takes and gives, from what its Executors say of themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from containerflow._version import __version__
from containerflow.runtime.gateway.components import Components, Schema
from containerflow.runtime.gateway.gateway import Gateway, Served
from containerflow.runtime.gateway.route import CALLER
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.names import FALLBACK_ENDPOINT


@dataclass(frozen=True, slots=True)
class Turn:
    """One Executor of a route, and what it says of the endpoint."""

    executor: str
    endpoint: pb.Endpoint


@dataclass(frozen=True, slots=True)
class DescribedEndpoint:
    """An endpoint of the whole Flow.

    Attributes:
        name: As callers name it; FALLBACK_ENDPOINT for any that is not declared.
        summary: Of the first Executor that has one.
        turns: All Executors that a request passes, in order.
        first: Those that the caller's own documents go to.
        last: Those whose answers the caller gets.
    """

    name: str
    summary: str
    turns: tuple[Turn, ...]
    first: tuple[Turn, ...]
    last: tuple[Turn, ...]

    @property
    def input_schema(self) -> bytes:
        """JSON Schema of one document that it takes; empty for any."""
        return _united(self.first, lambda told: told.input_schema)

    @property
    def output_schema(self) -> bytes:
        """JSON Schema of one document that it gives; empty for any."""
        return _united(self.last, lambda told: told.output_schema)

    @property
    def parameters_schema(self) -> bytes:
        """JSON Schema of the parameters; empty for any mapping."""
        return _united(self.turns, lambda told: told.parameters_schema)


def described_endpoints(gateway: Gateway) -> list[DescribedEndpoint]:
    """The endpoints of a Flow, sorted by name; none until all Executors have described theirs."""
    descriptions = gateway.descriptions
    return [
        _described(gateway, descriptions, name, served)
        for name, served in gateway.endpoints.items()
    ]


def _described(
    gateway: Gateway, descriptions: dict[str, pb.Description], name: str, served: Served
) -> DescribedEndpoint:
    route = served.route
    names = [gateway.settings.nodes[step.node].name for step in route.steps]
    turns = tuple(Turn(executor, _endpoint(descriptions[executor], name)) for executor in names)
    return DescribedEndpoint(
        name=name,
        summary=next((turn.endpoint.summary for turn in turns if turn.endpoint.summary), ""),
        turns=turns,
        first=tuple(
            turn for turn, step in zip(turns, route.steps, strict=True) if CALLER in step.sources
        ),
        last=tuple(turns[source] for source in route.answers if source != CALLER),
    )


def _endpoint(description: pb.Description, name: str) -> pb.Endpoint:
    """What an Executor says of an endpoint, by name or as its fallback."""
    told = {endpoint.name: endpoint for endpoint in description.endpoints}
    return told[name] if name in told else told[FALLBACK_ENDPOINT]


def flow_description(gateway: Gateway) -> pb.Description:
    """What a Flow says of itself where it stands in an Executor's place."""
    return pb.Description(
        name=gateway.settings.flow,
        version=__version__,
        endpoints=[
            pb.Endpoint(
                name=endpoint.name,
                summary=endpoint.summary,
                input_schema=endpoint.input_schema,
                output_schema=endpoint.output_schema,
                parameters_schema=endpoint.parameters_schema,
            )
            for endpoint in described_endpoints(gateway)
        ],
    )


def _united(turns: Sequence[Turn], schema_of: Callable[[pb.Endpoint], bytes]) -> bytes:
    """One self-contained schema that says what all of them say."""
    texts = list(dict.fromkeys(text for turn in turns if (text := schema_of(turn.endpoint))))
    if len(texts) <= 1:
        return texts[0] if texts else b""
    components = Components("#/$defs/")
    schema = all_of(components, turns, schema_of)
    return json.dumps({**(schema or {}), "$defs": components.schemas}).encode()


def all_of(
    components: Components, turns: Sequence[Turn], schema_of: Callable[[pb.Endpoint], bytes]
) -> Schema | None:
    """A schema that refers to the components of all turns; None where no turn says anything."""
    distinct: list[Schema] = []
    for turn in turns:
        if text := schema_of(turn.endpoint):
            schema = components.add(json.loads(text), owner=turn.executor)
            if schema not in distinct:
                distinct.append(schema)
    if len(distinct) > 1:
        return {"allOf": distinct}
    return distinct[0] if distinct else None
