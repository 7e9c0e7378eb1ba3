"""The graph that `needs` draws: who waits for whom, and whether that can be."""

from __future__ import annotations

import graphlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from containerflow.errors import CycleError, DuplicateNameError, UnknownNameError

if TYPE_CHECKING:
    from containerflow.flow.executor import ExecutorSpec

GATEWAY = "gateway"
"""The name under which `needs` asks for the caller's own request."""


@dataclass(frozen=True, slots=True)
class Graph:
    """The Executors of a Flow and the ways of documents between them.

    Attributes:
        names: The Executors, in declared order.
        needs: For each Executor, whose answers it takes, in declared order; `gateway` stands for
            the caller's request.
        order: The Executors such that each comes after all that it needs; declared order where
            there is a choice.
        leaves: The Executors whose answers nobody needs: they go back to the caller.
    """

    names: tuple[str, ...]
    needs: Mapping[str, tuple[str, ...]]
    order: tuple[str, ...]
    leaves: tuple[str, ...]

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Pairs of (source, target), `gateway` among the sources, in declared order."""
        return tuple((need, name) for name in self.names for need in self.needs[name])


def _nowhere(index: int) -> str:  # noqa: ARG001
    return ""


def default_need(before: Sequence[ExecutorSpec]) -> str:
    """What an Executor needs that does not say: the last one before it that is awaited.

    Args:
        before: The Executors declared before it.
    """
    awaited = (executor.name for executor in reversed(before) if _is_awaited(executor))
    return next(awaited, GATEWAY)


def unconsumed(executors: Sequence[ExecutorSpec]) -> tuple[str, ...]:
    """The Executors whose answers nobody needs yet, in declared order; `gateway` if there are none.

    Example:
        >>> unconsumed(())
        ('gateway',)
    """
    consumed = {need for needs in _needs(executors) for need in needs}
    names = tuple(
        executor.name
        for executor in executors
        if _is_awaited(executor) and executor.name not in consumed
    )
    return names or (GATEWAY,)


def resolve(executors: Sequence[ExecutorSpec], *, place: Callable[[int], str] = _nowhere) -> Graph:
    """Draw the graph of a Flow's Executors.

    Args:
        executors: Named Executors, in declared order; each may need ones declared after it.
        place: Where the Executor of an index stands, put before the message of an error.

    Raises:
        DuplicateNameError: Two Executors of one name, or one named `gateway`.
        UnknownNameError: `needs` names nobody.
        CycleError: `needs` goes round in a circle, or an Executor needs itself.
    """
    names = _unique_names(executors, place)
    needs = dict(zip(names, _needs(executors), strict=True))
    for index, name in enumerate(names):
        for need in needs[name]:
            if need not in needs and need != GATEWAY:
                raise _unknown(name, need, names, place(index))
    order = _order(names, needs, place)
    consumed = {need for wanted in needs.values() for need in wanted}
    leaves = tuple(
        executor.name
        for executor in executors
        if _is_awaited(executor) and executor.name not in consumed
    )
    return Graph(names=names, needs=needs, order=order, leaves=leaves)


def _is_awaited(executor: ExecutorSpec) -> bool:
    return not executor.floating and executor.method != "inspect"


def _needs(executors: Sequence[ExecutorSpec]) -> list[tuple[str, ...]]:
    return [
        executor.needs or (default_need(executors[:index]),)
        for index, executor in enumerate(executors)
    ]


def _unique_names(
    executors: Sequence[ExecutorSpec], place: Callable[[int], str]
) -> tuple[str, ...]:
    first: dict[str, int] = {}
    for index, executor in enumerate(executors):
        name = executor.name
        if name == GATEWAY:
            raise DuplicateNameError(
                f"{place(index)}Executor {index + 1} is named `gateway`, which is the Gateway's "
                "own name.",
                remedy="Give it another name.",
            )
        if name in first:
            raise DuplicateNameError(
                f"{place(index)}Executors {first[name] + 1} and {index + 1} are both named "
                f"`{name}`.",
                remedy="Give one of them another name.",
            )
        first[name] = index
    return tuple(first)


def _unknown(name: str, need: str, names: Sequence[str], place: str) -> UnknownNameError:
    nearest = get_close_matches(need, [*names, GATEWAY], n=1)
    known = ", ".join([GATEWAY, *(other for other in names if other != name)])
    return UnknownNameError(
        f"{place}Executor `{name}` needs `{need}`, and there is no Executor of that name.",
        remedy=f"Did you mean `{nearest[0]}`?" if nearest else f"It can need: {known}.",
    )


def _order(
    names: tuple[str, ...], needs: Mapping[str, tuple[str, ...]], place: Callable[[int], str]
) -> tuple[str, ...]:
    sorter = graphlib.TopologicalSorter(needs)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        # graphlib names the first node of the circle again at its end.
        circle: list[str] = list(error.args[1])[:-1]
        start = circle.index(min(circle, key=names.index))
        circle = circle[start:] + circle[:start]
        where = place(names.index(circle[0]))
        if len(circle) == 1:
            raise CycleError(
                f"{where}Executor `{circle[0]}` needs itself.", remedy="Correct its `needs`."
            ) from None
        path = " -> ".join([*circle, circle[0]])
        raise CycleError(
            f"{where}Documents would go round in a circle: {path}.",
            remedy="Take one of these Executors out of the `needs` of the next.",
        ) from None
    order: list[str] = []
    position = {name: index for index, name in enumerate(names)}
    position[GATEWAY] = -1
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=position.__getitem__)
        order += [name for name in ready if name != GATEWAY]
        sorter.done(*ready)
    return tuple(order)
