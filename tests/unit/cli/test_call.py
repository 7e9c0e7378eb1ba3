"""What `cflow call` makes of its arguments."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from containerflow.cli.call import parse_body
from containerflow.cli.main import run

TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)
DOCUMENTS = st.dictionaries(TEXTS.filter(lambda key: key != "data"), VALUES, max_size=3)
# A busy machine generates slowly, which says nothing about the code under test.
PATIENTLY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@PATIENTLY
@given(DOCUMENTS)
def test_an_object_is_one_document(document: dict[str, Any]) -> None:
    assert parse_body(json.dumps(document)) == ([document], {})


@PATIENTLY
@given(st.lists(DOCUMENTS, max_size=3))
def test_a_list_is_documents_in_their_order(documents: list[dict[str, Any]]) -> None:
    assert parse_body(json.dumps(documents)) == (documents, {})


@PATIENTLY
@given(st.lists(DOCUMENTS, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=3))
def test_an_object_with_data_is_a_whole_request(
    documents: list[dict[str, Any]], parameters: dict[str, Any]
) -> None:
    body = json.dumps({"data": documents, "parameters": parameters})
    assert parse_body(body) == (documents, parameters)


def test_an_object_with_data_and_fields_of_its_own_is_a_document() -> None:
    document = {"data": [1, 2], "colour": "red"}
    assert parse_body(json.dumps(document)) == ([document], {})


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_body_is_no_document(text: str) -> None:
    assert parse_body(text) == ([], {})


@pytest.mark.parametrize(
    "text", ["1", '"text"', "[1]", '{"data": "x"}', '{"data": [], "parameters": 3}']
)
def test_what_cannot_be_documents_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_body(text)


def test_a_body_that_is_no_json_says_where_it_breaks(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "http://localhost:1", "/x", '{"text": }']) == 2
    assert "line 1, column 10" in capsys.readouterr().err


def test_parameters_that_are_no_object_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["call", "http://localhost:1", "/x", "{}", "--parameters", "[]"]) == 2
    assert "--parameters" in capsys.readouterr().err


def test_a_body_in_the_place_of_the_endpoint_is_a_wrong_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["call", "http://localhost:8080", '{"text": "a"}']) == 2
    assert "ENDPOINT is missing" in capsys.readouterr().err
