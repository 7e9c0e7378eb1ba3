"""`${{ ... }}` in a Flow's YAML."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from containerflow.errors import VariableError
from containerflow.flow.variables import escaped
from containerflow.flow.yaml import load
from tests.unit.flow import declarations


def value(written: str, context: dict[str, Any] | None = None) -> Any:
    """What a value becomes in the arguments of an Executor."""
    flow = load(f"executors:\n- uses_with:\n    x: {written}\n    k: 10\n", context=context)
    return flow.executors[0].uses_with["x"]


def fault(text: str, context: dict[str, Any] | None = None) -> VariableError:
    with pytest.raises(VariableError) as caught:
        load(text, context=context)
    return caught.value


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIZE", "128")
    monkeypatch.setenv("ZIP", "00501")
    monkeypatch.setenv("MODEL", "small model: ${{ x }}")
    monkeypatch.delenv("NOBODY", raising=False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${{ ENV.SIZE }}", 128),
        ("${{ENV.SIZE}}", 128),
        ("'${{ ENV.SIZE }}'", "128"),
        ("size ${{ ENV.SIZE }} of ${{ ENV.SIZE }}", "size 128 of 128"),
        ("${{ ENV.ZIP }}", "00501"),
        ("${{ ENV.MODEL }}", "small model: ${{ x }}"),
        ("$${{ ENV.SIZE }}", "${{ ENV.SIZE }}"),
        ("$$${{ ENV.SIZE }}", "$${{ ENV.SIZE }}"),
        ("$x {{ y }}", "$x {{ y }}"),
        ("${{this.k}}", 10),
        ("a${{this.k}}", "a10"),
        ("${{root.executors[0].uses_with.k}}", 10),
        ("${{root.executors.0.uses_with.k}}", 10),
    ],
)
def test_what_variables_stand_for(written: str, expected: object) -> None:
    assert value(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${{ CONTEXT.a }}", "01"),
        ("${{ a }}", "01"),
        ("'${{ a }}'", "01"),
        ("${{ n }}", 3),
        ("'${{ n }}'", "3"),
        ("${{ deep.list }}", [1, 2]),
        ("'${{ deep.list }}'", [1, 2]),
        ("${{ dotted.name }}", True),
    ],
)
def test_a_context_gives_values_of_its_own_types(written: str, expected: object) -> None:
    context = {"a": "01", "n": 3, "deep": {"list": [1, 2]}, "dotted.name": True}
    assert value(written, context) == expected


def test_a_variable_may_name_a_value_that_is_itself_a_variable() -> None:
    flow = load("with: {name: '${{this.title}}', title: 'x${{ ENV.SIZE }}'}")
    assert flow.name == flow.gateway.title == "x128"


def test_an_environment_variable_keeps_its_spelling_in_env() -> None:
    flow = load("executors:\n- env:\n    A: ${{ ENV.ZIP }}\n    B: ${{ ENV.SIZE }}\n")
    assert flow.executors[0].env == {"A": "00501", "B": "128"}


def test_options_take_variables() -> None:
    flow = load("executors:\n- replicas: ${{ ENV.SIZE }}\n- replicas: '${{ n }}'", context={"n": 2})
    assert [executor.replicas for executor in flow.executors] == [128, 2]


def test_mappings_take_variables_too() -> None:
    flow = load(
        {"with": {"title": "${{ ENV.SIZE }}"}, "executors": [{"replicas": "${{ n }}"}]},
        context={"n": 4},
    )
    assert (flow.gateway.title, flow.executors[0].replicas) == ("128", 4)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("with:\n  name: ${{ ENV.NOBODY }}", "the environment variable NOBODY is not set"),
        ("with:\n  name: a${{ CONTEXT.nobody }}", "the context has no value"),
        ("with:\n  name: ${{ nobody }}", "the context has no value"),
        ("with:\n  name: ${{root.with.nobody}}", "the document has no such value"),
        ("with:\n  name: ${{this.nobody}}", "the document has no such value"),
        ("with:\n  name: ${{ }}", "is not a variable"),
        ("with:\n  name: ${{ 1 + 1 }}", "is not a variable"),
        ("with:\n  name: ${{ open", "is not a variable"),
        ("with:\n  name: ${{this.name}}", "stands within what it names"),
        ("with:\n  name: ${{root.with}}", "stands within what it names"),
        ("with:\n  name: x ${{root.gateway}}\ngateway: {}", "not a single value"),
    ],
)
def test_a_variable_without_a_value_is_told_with_its_place(text: str, words: str) -> None:
    error = fault(text)
    assert words in str(error)
    assert (error.source, error.line, error.column) == ("<text>", 2, 9)


def test_variables_that_name_each_other_are_an_error() -> None:
    assert "circle" in str(fault("with: {name: '${{this.title}}', title: '${{this.name}}'}"))


def test_the_nearest_name_is_told() -> None:
    assert "did you mean SIZE" in str(fault("with:\n  name: ${{ ENV.SIZ }}"))
    assert "did you mean model" in str(fault("with:\n  name: ${{ modl }}", {"model": "x"}))


@given(declarations.texts())
def test_escaped_text_is_that_text(text: str) -> None:
    flow = load({"executors": [{"uses_with": {"x": escaped(text)}}]})
    assert flow.executors[0].uses_with["x"] == text
