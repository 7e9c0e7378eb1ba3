"""Who waits for whom, and which graphs cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containerflow.errors import CycleError, DuplicateNameError, UnknownNameError
from containerflow.flow.executor import ExecutorSpec
from containerflow.flow.graph import resolve, unconsumed
from containerflow.flow.spec import FlowSpec
from tests.unit.flow import declarations


def flow(*executors: dict[str, object]) -> FlowSpec:
    return FlowSpec(executors=tuple(ExecutorSpec(**options) for options in executors))  # type: ignore[arg-type]


def test_executors_chain_by_default() -> None:
    graph = resolve(flow({}, {}, {}).executors)
    assert graph.edges == (
        ("gateway", "executor0"),
        ("executor0", "executor1"),
        ("executor1", "executor2"),
    )
    assert graph.leaves == ("executor2",)


def test_fan_out_and_join() -> None:
    graph = resolve(
        flow(
            {"name": "clean"},
            {"name": "lexical", "needs": "clean"},
            {"name": "vector", "needs": "clean"},
            {"name": "rank", "needs": ["vector", "lexical"]},
        ).executors
    )
    assert graph.needs["rank"] == ("vector", "lexical")
    assert graph.order == ("clean", "lexical", "vector", "rank")
    assert graph.leaves == ("rank",)


def test_several_leaves_are_told_in_declared_order() -> None:
    graph = resolve(
        flow({"name": "b", "needs": "gateway"}, {"name": "a", "needs": "gateway"}).executors
    )
    assert graph.leaves == ("b", "a")


def test_an_executor_may_need_a_later_one() -> None:
    graph = resolve(flow({"name": "a", "needs": "b"}, {"name": "b", "needs": "gateway"}).executors)
    assert graph.names == ("a", "b")
    assert graph.order == ("b", "a")


def test_the_default_passes_over_floating_executors() -> None:
    graph = resolve(flow({"name": "a"}, {"name": "b", "floating": True}, {"name": "c"}).executors)
    assert graph.needs["c"] == ("a",)
    assert graph.leaves == ("c",)


def test_needs_all_joins_what_nobody_needs_yet() -> None:
    joined = flow(
        {"name": "a"},
        {"name": "b"},
        {"name": "c", "needs": "a"},
        {"name": "d", "needs": "gateway", "floating": True},
        {"method": "needs_all"},
    )
    assert joined.executors[-1].needs == ("b", "c")
    assert joined.executors[-1].method == "add"


def test_nothing_unconsumed_means_the_callers_request() -> None:
    assert unconsumed(()) == ("gateway",)


def test_an_empty_flow_has_an_empty_graph() -> None:
    graph = resolve(())
    assert (graph.names, graph.order, graph.edges, graph.leaves) == ((), (), (), ())


def test_a_circle_is_named() -> None:
    with pytest.raises(CycleError, match="in a circle: a -> c -> b -> a"):
        resolve(
            flow(
                {"name": "a", "needs": "b"},
                {"name": "b", "needs": "c"},
                {"name": "c", "needs": "a"},
            ).executors
        )


def test_needing_oneself_is_an_error() -> None:
    with pytest.raises(CycleError, match="`a` needs itself"):
        resolve(flow({"name": "a", "needs": ["gateway", "a"]}).executors)


def test_an_unknown_need_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match=r"`b` needs `encodr`.*Did you mean `encoder`\?"):
        resolve(flow({"name": "encoder"}, {"name": "b", "needs": "encodr"}).executors)


def test_an_unknown_need_unlike_all_names_lists_them() -> None:
    with pytest.raises(UnknownNameError, match="It can need: gateway, encoder"):
        resolve(flow({"name": "encoder"}, {"name": "b", "needs": "zzz"}).executors)


@pytest.mark.parametrize("second", ["a", "executor0"])
def test_two_executors_of_one_name_are_an_error(second: str) -> None:
    first = "a" if second == "a" else ""
    with pytest.raises(DuplicateNameError, match="Executors 1 and 2 are both named"):
        resolve(flow({"name": first}, {"name": second}).executors)


def test_the_gateways_name_is_taken() -> None:
    with pytest.raises(DuplicateNameError, match="Executor 1 is named `gateway`"):
        resolve(flow({"name": "gateway"}).executors)


@settings(deadline=None)
@given(declarations.flows())
def test_each_executor_comes_after_what_it_needs(flow: FlowSpec) -> None:
    graph = resolve(flow.executors)
    assert sorted(graph.order) == sorted(graph.names)
    done = {"gateway"}
    for name in graph.order:
        assert set(graph.needs[name]) <= done
        done.add(name)


@settings(deadline=None)
@given(declarations.flows())
def test_every_awaited_answer_is_used_or_returned(flow: FlowSpec) -> None:
    graph = resolve(flow.executors)
    used = {source for source, _ in graph.edges}
    for executor in flow.executors:
        if not executor.floating and executor.method == "add":
            assert (executor.name in graph.leaves) != (executor.name in used)


@given(st.integers(2, 8))
def test_a_circle_of_any_size_is_found(size: int) -> None:
    ring = flow(*({"name": f"e{i}", "needs": f"e{(i - 1) % size}"} for i in range(size)))
    path = " -> ".join(f"e{i % size}" for i in range(size + 1))
    with pytest.raises(CycleError) as caught:
        resolve(ring.executors)
    assert path in str(caught.value)
