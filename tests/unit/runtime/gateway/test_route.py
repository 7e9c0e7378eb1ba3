"""Routes: pure functions of the graph and of what the Executors serve."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containerflow.errors import CycleError, UnknownNameError
from containerflow.runtime.gateway.route import CALLER, Route, compute, order
from containerflow.wire.settings import NodeSettings


def node(name: str, *needs: str) -> NodeSettings:
    return NodeSettings(name=name, needs=needs or ("gateway",), host=name)


CHAIN = [node("a"), node("b", "a"), node("c", "b")]
DIAMOND = [node("a"), node("b", "a"), node("c", "a"), node("d", "b", "c")]


def names(nodes: list[NodeSettings], route: Route) -> list[tuple[str, list[str]]]:
    def source(position: int) -> str:
        return "gateway" if position == CALLER else nodes[route.steps[position].node].name

    return [
        (nodes[step.node].name, [source(position) for position in step.sources])
        for step in route.steps
    ]


def test_a_chain_takes_each_answer_to_the_next() -> None:
    route = compute(CHAIN, {"a", "b", "c"})
    assert names(CHAIN, route) == [("a", ["gateway"]), ("b", ["a"]), ("c", ["b"])]
    assert route.is_chain
    assert not any(step.joined for step in route.steps)


def test_an_executor_that_does_not_serve_the_endpoint_is_passed_through() -> None:
    route = compute(CHAIN, {"a", "c"})
    assert names(CHAIN, route) == [("a", ["gateway"]), ("c", ["a"])]
    assert route.is_chain


def test_a_join_takes_its_parts_in_declared_order() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "a"), node("d", "c", "b")]
    route = compute(nodes, {"a", "b", "c", "d"})
    assert names(nodes, route)[-1] == ("d", ["c", "b"])
    assert [step.joined for step in route.steps] == [False, True, True, False]
    assert not route.is_chain


def test_a_join_with_one_serving_branch_is_a_chain() -> None:
    route = compute(DIAMOND, {"a", "c", "d"})
    assert names(DIAMOND, route) == [("a", ["gateway"]), ("c", ["a"]), ("d", ["c"])]
    assert route.is_chain


def test_parts_that_an_elided_join_would_take_flow_on_in_declared_order() -> None:
    nodes = [*DIAMOND, node("e", "d")]
    route = compute(nodes, {"a", "b", "c", "e"})
    assert names(nodes, route)[-1] == ("e", ["b", "c"])
    assert [step.joined for step in route.steps] == [False, True, True, False]


def test_several_leaves_make_the_answer_in_declared_order() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "a")]
    route = compute(nodes, {"a", "b", "c"})
    assert [nodes[route.steps[source].node].name for source in route.answers] == ["b", "c"]
    assert [step.joined for step in route.steps] == [False, True, True]


def test_a_leaf_that_does_not_serve_the_endpoint_adds_nothing_to_the_answer() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "a")]
    route = compute(nodes, {"a", "c"})
    assert names(nodes, route) == [("a", ["gateway"]), ("c", ["a"])]
    assert route.is_chain


def test_a_declared_shortcut_is_kept() -> None:
    nodes = [node("a"), node("b", "a"), node("c", "a", "b")]
    route = compute(nodes, {"a", "b", "c"})
    assert names(nodes, route)[-1] == ("c", ["a", "b"])
    assert [step.joined for step in route.steps] == [True, True, False]


def test_a_flow_without_executors_answers_with_the_callers_documents() -> None:
    assert compute([], set()) == Route(steps=(), answers=(CALLER,), is_chain=False)


def test_an_executor_declared_before_what_it_needs_runs_after_it() -> None:
    nodes = [node("b", "a"), node("a")]
    assert names(nodes, compute(nodes, {"a", "b"})) == [("a", ["gateway"]), ("b", ["a"])]


def test_a_circle_is_an_error_that_names_its_members() -> None:
    with pytest.raises(CycleError, match="'a', 'b'"):
        order([node("a", "b"), node("b", "a")])


def test_an_unknown_need_is_an_error_that_names_both() -> None:
    with pytest.raises(UnknownNameError, match=r"'a' needs 'z'.*has 'a'"):
        order([node("a", "z")])


@dataclass(frozen=True)
class Case:
    nodes: list[NodeSettings]
    serving: set[str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A graph of up to eight Executors, some of which serve the endpoint."""
    count = draw(st.integers(1, 8))
    nodes = []
    for index in range(count):
        earlier = ["gateway", *(f"n{before}" for before in range(index))]
        needs = draw(st.lists(st.sampled_from(earlier), min_size=1, max_size=4, unique=True))
        nodes.append(node(f"n{index}", *needs))
    serving = draw(st.sets(st.sampled_from([n.name for n in nodes]), min_size=1))
    return Case(nodes, serving)


def flattened(case: Case, name: str) -> list[str]:
    """What a node takes if those that do not serve are passed through: the definition, slowly."""
    by_name = {n.name: n for n in case.nodes}
    taken: list[str] = []
    for need in by_name[name].needs:
        inner = [need] if need == "gateway" or need in case.serving else flattened(case, need)
        taken.extend(one for one in inner if one not in taken)
    return taken


def is_subsequence(short: list[str], long: list[str]) -> bool:
    rest = iter(long)
    return all(item in rest for item in short)


@given(cases())
def test_each_step_comes_after_its_sources_and_every_serving_executor_has_one_turn(
    case: Case,
) -> None:
    route = compute(case.nodes, case.serving)
    assert sorted(case.nodes[step.node].name for step in route.steps) == sorted(case.serving)
    for turn, step in enumerate(route.steps):
        assert step.sources
        assert len(set(step.sources)) == len(step.sources)
        assert all(source < turn for source in step.sources)


@given(cases())
def test_each_executor_sees_its_parts_in_declared_order(case: Case) -> None:
    route = compute(case.nodes, case.serving)
    for name, sources in names(case.nodes, route):
        assert is_subsequence(sources, flattened(case, name))


@given(cases())
def test_what_is_left_out_of_a_join_has_gone_into_another_of_its_parts(case: Case) -> None:
    route = compute(case.nodes, case.serving)
    taken = dict(names(case.nodes, route))

    def ancestors(name: str) -> set[str]:
        direct = taken.get(name, [])
        return set(direct).union(*(ancestors(one) for one in direct if one != "gateway"), set())

    for name, sources in taken.items():
        for left_out in set(flattened(case, name)) - set(sources):
            assert any(left_out in ancestors(source) for source in sources)


@given(cases())
def test_needs_that_serve_the_endpoint_are_never_left_out(case: Case) -> None:
    route = compute(case.nodes, case.serving)
    by_name = {n.name: n for n in case.nodes}
    for name, sources in names(case.nodes, route):
        direct = [n for n in by_name[name].needs if n == "gateway" or n in case.serving]
        assert set(direct) <= set(sources)


@given(cases())
def test_an_answer_is_marked_as_joined_exactly_if_someone_joins_it(case: Case) -> None:
    route = compute(case.nodes, case.serving)
    joins = [step.sources for step in route.steps] + [route.answers]
    for turn, step in enumerate(route.steps):
        assert step.joined == any(turn in sources and len(sources) > 1 for sources in joins)


@given(cases())
def test_every_executor_that_nobody_takes_from_is_in_the_answer(case: Case) -> None:
    route = compute(case.nodes, case.serving)
    consumed = {source for step in route.steps for source in step.sources}
    loose = set(range(len(route.steps))) - consumed
    assert loose <= set(route.answers)
