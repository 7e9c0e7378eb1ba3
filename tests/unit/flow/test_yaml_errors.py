"""Bad YAML gets an answer with the place, the fault and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from containerflow.errors import (
    CycleError,
    DefinitionError,
    DuplicateNameError,
    UnknownKeyError,
    UnknownNameError,
    YamlError,
)
from containerflow.flow.yaml import load


def fault(text: str) -> YamlError:
    with pytest.raises(YamlError) as caught:
        load(text)
    return caught.value


def at(text: str, error: YamlError) -> str:
    """What stands at the place that an error names."""
    return text.split("\n")[error.line - 1][error.column - 1 :].split("\n")[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("jtype: Flow\nexecutors: [a: {", ""),
        ("jtype: Flow\nwith:\n  name: a: b", ": b"),
        ("jtype: Flow\n\texecutors:\n", "\texecutors:"),
        ("jtype: Flow\nwith: 'open\n", ""),
        ("jtype: Flow\nwith: *nobody\n", "*nobody"),
        ("jtype: Flow\n---\njtype: Flow\n", "---"),
    ],
)
def test_broken_yaml_is_told_with_line_and_column(text: str, place: str) -> None:
    error = fault(text)
    assert "not YAML" in str(error)
    assert str(error).startswith(f"<text>:{error.line}:{error.column}: ")
    assert error.line > 1
    assert at(text, error).startswith(place) or not place


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("jtype: Flow\nexecutor:\n- uses: a", "executor", "executors"),
        ("with:\n  protcol: http", "protcol", "protocol"),
        ("gateway:\n  prot: 80", "prot", "port"),
        ("executors:\n- name: a\n- replica: 2", "replica", "replicas"),
        ("executors:\n- {name: a,\n   usess: b}", "usess", "uses"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_one(text: str, key: str, nearest: str) -> None:
    error = fault(text)
    assert isinstance(error, UnknownKeyError)
    assert at(text, error).startswith(f"{key}:")
    assert error.nearest == nearest
    assert f"`{key}`" in str(error)
    assert f"Did you mean `{nearest}`?" in str(error)


def test_an_option_in_the_wrong_block_is_told_where_to_go() -> None:
    error = fault("jtype: Flow\nname: search")
    assert (error.line, error.column) == (2, 1)
    assert "Put it under `with`" in str(error)


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("executors:\n- name: a\n- replicas: many", "many", "Executor 2, `replicas`"),
        ("executors:\n- name: b\n  cpus: -1", "-1", "Executor `b`, `cpus`"),
        ("with:\n  timeout_ready: soon", "soon", "The Flow, `timeout_ready`"),
        ("gateway:\n  protocol: [http, ftp]", "ftp", r"The Gateway, `protocol[1]`"),
        ("with:\n  port: 70000", "70000", "The Gateway, `port`"),
        ("with:\n  name: -x", "-x", "The Flow, `name`"),
        ("executors:\n- env:\n    A: ~", "A: ~", "A has no value"),
        ("executors:\n- uses_with: {a: .nan}", "{a: .nan}", "a is nan"),
        ("executors:\n- uses_requests: {a: f, /a: f}", "{a: f, /a: f}", "slash"),
        ("executors:\n- method: needs\n  needs: a", "method: needs", "joins several"),
        ("executors: {a: b}", "{a: b}", "not a list"),
        ("executors:\n- ", "", "item is empty"),
        ("executors:\n- [a]", "[a]", "a mapping is wanted"),
        ("with:\n- a", "- a", "`with` is a list"),
        ("gateway: 8080", "8080", "`gateway` is a single value (8080)"),
        ("- a\n- b", "- a", "a list, and a mapping is wanted"),
        ("jtype: Deployment\nwith: {}", "Deployment", "jtype is 'Deployment'"),
        ("jtype: Flow\nversion: '2'", "'2'", "Version '2'"),
        ("executors: []\ndeployments: []", "[]", "given twice"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(text: str, value: str, words: str) -> None:
    error = fault(text)
    assert words in str(error)
    assert at(text, error).startswith(value)


def test_the_first_of_several_faults_is_told() -> None:
    assert fault("executors:\n- retries: x\n  cpus: y").line == 2
    assert fault("executors:\n- cpus: y\n  retries: x").line == 2


@pytest.mark.parametrize(
    "text",
    ["with:\n  name: a\n  name: b", "jtype: Flow\nexecutors: [{env: {A: '1', A: '2'}}]"],
)
def test_a_key_that_stands_twice_is_an_error(text: str) -> None:
    error = fault(text)
    assert "twice" in str(error)
    assert error.line > 1


@pytest.mark.parametrize(
    "text",
    [
        "!Flow\nwith: {}",
        "executors:\n- !!python/object/apply:os.system ['false']",
        "with: {name: !secret x}",
        "with: {title: !!binary aGk=}",
        "executors: [!Executor {uses: a}]",
    ],
)
def test_tags_are_refused_and_nothing_is_executed(text: str) -> None:
    assert "tag" in str(fault(text))


def test_text_that_contains_itself_is_an_error() -> None:
    assert "contains itself" in str(fault("executors: &a\n- uses_with: {x: *a}"))


def test_text_that_unfolds_without_end_is_an_error() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "more than 100,000 pieces" in str(fault("\n".join(lines)))


def test_deep_nesting_is_an_error() -> None:
    assert "too deeply" in str(fault("{a: " + "[" * 5000))


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "flow.yml"
    path.write_bytes(b"jtype: Flow\nwith: {name: \xff\xfe}")
    with pytest.raises(YamlError, match="not text") as caught:
        load(path)
    assert (caught.value.line, caught.value.column) == (2, 14)


def test_a_control_character_is_an_error() -> None:
    error = fault("jtype: Flow\nwith: {name: \x01}")
    assert (error.line, error.column) == (2, 14)


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("executors:\n- {name: a}\n- {name: a}", DuplicateNameError, "<text>:3:3: "),
        ("executors:\n- {name: a}\n- {name: b, needs: c}", UnknownNameError, "<text>:3:3: "),
        ("executors:\n- {name: a, needs: b}\n- {name: b}", CycleError, "<text>:2:3: "),
    ],
)
def test_a_graph_that_cannot_be_is_told_with_its_place(
    text: str, kind: type[DefinitionError], place: str
) -> None:
    with pytest.raises(kind) as caught:
        load(text)
    assert str(caught.value).startswith(place)


def test_a_mapping_has_no_places_but_names_the_option() -> None:
    with pytest.raises(DefinitionError, match=r"^Executor `a`, `replicas`: ") as caught:
        load({"executors": [{"name": "a", "replicas": "x"}]})
    assert not isinstance(caught.value, YamlError)


def test_a_fault_in_the_file_of_an_item_is_told_with_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("with:\n  replica: 2\n")
    (tmp_path / "flow.yml").write_text("executors:\n- a.yml\n")
    with pytest.raises(UnknownKeyError) as caught:
        load(tmp_path / "flow.yml")
    assert Path(caught.value.source) == tmp_path / "a.yml"
    assert (caught.value.line, caught.value.column) == (2, 3)


def test_a_missing_file_of_an_item_is_told_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "flow.yml").write_text("executors:\n- a.yml\n")
    with pytest.raises(YamlError, match="There is no file") as caught:
        load(tmp_path / "flow.yml")
    assert (caught.value.line, caught.value.column) == (2, 3)
