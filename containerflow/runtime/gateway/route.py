"""Which Executors a request passes, and whose answers each of them takes.

A route is computed once for each endpoint, from the graph and from what the Executors say they
serve. It is plain data: the answer to a request follows from it, never from who was quicker.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from containerflow.errors import CycleError, UnknownNameError
from containerflow.wire.names import GATEWAY
from containerflow.wire.settings import NodeSettings

CALLER = -1
"""The source that stands for the caller's own request."""


@dataclass(frozen=True, slots=True)
class Step:
    """One Executor's turn.

    Attributes:
        node: Position of the Executor in the declared graph.
        sources: Whose answers it takes, in declared order: positions in `Route.steps`, or CALLER.
        joined: Whether its answer is one part of a join.
    """

    node: int
    sources: tuple[int, ...]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """All that becomes of a request to one endpoint.

    Attributes:
        steps: The Executors that serve the endpoint: each after those that it needs, and in
            declared order where that leaves a choice.
        answers: The sources of the final answer, in declared order.
        is_chain: Whether each step takes the answer of the one before, and nothing else.
    """

    steps: tuple[Step, ...]
    answers: tuple[int, ...]
    is_chain: bool


@dataclass(frozen=True, slots=True)
class _Inflow:
    """A source as a consumer sees it; `passed` if only Executors passed through lie between."""

    source: int
    passed: bool


def order(nodes: Sequence[NodeSettings]) -> tuple[int, ...]:
    """Positions of `nodes` in an order in which each one stands after all that it needs.

    Args:
        nodes: The graph. If its declared order is such an order, that is the answer.

    Raises:
        UnknownNameError: `needs` names an Executor that is not among them.
        CycleError: `needs` goes round in a circle.

    Example:
        >>> order([NodeSettings(name="b", needs=("a",), host=""), NodeSettings(name="a", host="")])
        (1, 0)
    """
    positions = {node.name: index for index, node in enumerate(nodes)}
    for node in nodes:
        for need in node.needs:
            if need != GATEWAY and need not in positions:
                raise UnknownNameError(
                    f"Executor {node.name!r} needs {need!r}, which is not in the Flow.",
                    remedy=f"The Flow has {', '.join(map(repr, positions))}.",
                )
    done: list[int] = []
    waiting = list(range(len(nodes)))
    while waiting:
        ready = (
            index
            for index in waiting
            if all(need == GATEWAY or positions[need] in done for need in nodes[index].needs)
        )
        index = next(ready, None)
        if index is None:
            circle = ", ".join(repr(nodes[index].name) for index in waiting)
            raise CycleError(
                f"The Executors {circle} wait for each other.", remedy="Break the circle in needs."
            )
        done.append(index)
        waiting.remove(index)
    return tuple(done)


def compute(nodes: Sequence[NodeSettings], serving: AbstractSet[str]) -> Route:
    """The route through `nodes` of an endpoint that the Executors in `serving` serve.

    An Executor that does not serve the endpoint is passed through: whoever needs it takes the
    answers that it would have taken, in the same order. What reaches a join only by being passed
    through, and has also gone into another of its parts, is left out: a branch in which nobody
    serves the endpoint adds nothing, and so cannot bring back what its neighbour changed.

    Args:
        nodes: The graph, in declared order.
        serving: Names of the Executors that serve the endpoint.

    Raises:
        UnknownNameError: `needs` names an Executor that is not in the graph.
        CycleError: `needs` goes round in a circle.

    Example:
        >>> a = NodeSettings(name="a", host="")
        >>> b = NodeSettings(name="b", needs=("a",), host="")
        >>> c = NodeSettings(name="c", needs=("b",), host="")
        >>> compute([a, b, c], {"a", "c"}).steps
        (Step(node=0, sources=(-1,), joined=False), Step(node=2, sources=(0,), joined=False))
    """
    inflows: dict[str, tuple[_Inflow, ...]] = {GATEWAY: (_Inflow(CALLER, passed=False),)}
    ancestors: list[frozenset[int]] = []
    turns: list[tuple[int, tuple[int, ...]]] = []
    for index in order(nodes):
        node = nodes[index]
        taken = _taken(node.needs, inflows)
        if node.name not in serving:
            inflows[node.name] = tuple(_Inflow(flow.source, passed=True) for flow in taken)
            continue
        sources = _without_repeats(taken, ancestors)
        ancestors.append(_upstream(sources, ancestors))
        inflows[node.name] = (_Inflow(len(turns), passed=False),)
        turns.append((index, sources))

    needed = {need for node in nodes for need in node.needs}
    leaves = [node.name for node in nodes if node.name not in needed] or [GATEWAY]
    answers = _without_repeats(_taken(leaves, inflows), ancestors)

    joined = {
        source
        for sources in (*(sources for _, sources in turns), answers)
        if len(sources) > 1
        for source in sources
    }
    steps = tuple(
        Step(node=index, sources=sources, joined=turn in joined)
        for turn, (index, sources) in enumerate(turns)
    )
    # Positions before the first step are CALLER, which is what a chain's first step takes.
    is_chain = bool(steps) and [*(step.sources for step in steps), answers] == [
        (turn - 1,) for turn in range(len(steps) + 1)
    ]
    return Route(steps=steps, answers=answers, is_chain=is_chain)


def _taken(needs: Sequence[str], inflows: dict[str, tuple[_Inflow, ...]]) -> list[_Inflow]:
    """What comes in through `needs`, each source once, where it is first named."""
    taken: dict[int, bool] = {}
    for need in needs:
        for flow in inflows[need]:
            taken[flow.source] = flow.passed and taken.get(flow.source, True)
    return [_Inflow(source, passed) for source, passed in taken.items()]


def _without_repeats(
    taken: Sequence[_Inflow], ancestors: Sequence[frozenset[int]]
) -> tuple[int, ...]:
    covered = frozenset().union(
        *(ancestors[flow.source] for flow in taken if flow.source != CALLER)
    )
    return tuple(flow.source for flow in taken if not (flow.passed and flow.source in covered))


def _upstream(sources: Sequence[int], ancestors: Sequence[frozenset[int]]) -> frozenset[int]:
    return frozenset(sources).union(*(ancestors[source] for source in sources if source != CALLER))
