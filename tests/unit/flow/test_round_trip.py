"""What is written reads back as it was, whatever it is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.yaml import dump, load
from tests.unit.flow import declarations


@settings(max_examples=300, deadline=None)
@given(declarations.flows())
def test_a_written_flow_reads_back_the_same(flow: FlowSpec) -> None:
    assert load(dump(flow)) == flow


@settings(max_examples=100, deadline=None)
@given(declarations.flows())
def test_writing_is_stable(flow: FlowSpec) -> None:
    assert dump(load(dump(flow))) == dump(flow)


@given(st.dictionaries(declarations.texts(), declarations.plain_values()))
def test_arguments_keep_their_values_and_types(arguments: dict[str, object]) -> None:
    flow = FlowSpec(executors=(ExecutorSpec(uses_with=arguments),))
    back = load(dump(flow)).executors[0].uses_with
    assert json.dumps(back, sort_keys=True) == json.dumps(arguments, sort_keys=True)


@pytest.mark.parametrize("text", declarations.HARD_TEXTS)
def test_hard_text_is_kept_in_values_and_keys(text: str) -> None:
    flow = FlowSpec(
        env={"A": text},
        executors=(ExecutorSpec(uses_with={text: text}, entrypoint=(text,)),),
    )
    assert load(dump(flow)) == flow


def test_the_strategies_know_every_option() -> None:
    assert set(ExecutorSpec.model_fields) == set(declarations.OF_EXECUTOR) | declarations.BY_GRAPH
    assert set(GatewaySpec.model_fields) == set(declarations.OF_GATEWAY)
    assert set(FlowSpec.model_fields) == {*declarations.OF_FLOW, "gateway", "executors"}


def test_only_what_differs_from_the_defaults_is_written() -> None:
    flow = FlowSpec(
        executors=(
            ExecutorSpec(name="a", replicas=1),
            ExecutorSpec(name="executor1", needs=("a",)),
            ExecutorSpec(name="c", needs=("a",), env={"B": "2", "A": "1"}),
        )
    )
    assert dump(flow) == (
        "jtype: Flow\n"
        "version: '1'\n"
        "executors:\n"
        "- name: a\n"
        "- {}\n"
        "- name: c\n"
        "  needs: a\n"
        "  env:\n"
        "    A: '1'\n"
        "    B: '2'\n"
    )


def test_the_empty_flow_is_two_lines() -> None:
    assert dump(FlowSpec()) == "jtype: Flow\nversion: '1'\n"
