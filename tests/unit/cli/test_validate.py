"""`cflow validate` and `cflow plan`: a Flow's file, looked at without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from containerflow.cli.arguments import flow_name
from containerflow.cli.declared import declare
from containerflow.cli.main import run
from containerflow.flow.yaml import load
from containerflow.plan.lower import lower
from containerflow.plan.render import render

FLOW = """\
jtype: Flow
with:
  name: My_Search
  protocol: http
executors:
  - name: first
    uses: folder
  - name: second
    uses: folder
    needs: gateway
    env:
      MODEL: ${{ CONTEXT.model }}
  - name: last
    needs: [first, second]
    replicas: 2
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    path = tmp_path / "flow.yml"
    path.write_text(FLOW)
    return path


def test_a_valid_flow_is_summed_up_with_its_graph(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(path), "--context", "model=small"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path} is valid: Flow 'my-search' with 3 Executors, protocol http."
    assert [line.split() for line in lines[2:6]] == [
        ["EXECUTOR", "NEEDS", "USES", "REPLICAS"],
        ["first", "gateway", "folder", "1"],
        ["second", "gateway", "folder", "1"],
        ["last", "first,", "second", "-", "2"],
    ]
    assert lines[-1] == "The answer comes from: last"


def test_a_flow_without_executors_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "flow.yml").write_text("jtype: Flow\n")
    assert run(["validate", str(tmp_path / "flow.yml")]) == 0
    assert "with 0 Executors" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("    uses: folder", ["flow.yml:9", "`usess`", "`uses`"]),
        ("[first, second]", ["secnd", "`second`"]),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_way_out(
    path: Path, capsys: pytest.CaptureFixture[str], wrong: str, told: list[str]
) -> None:
    right = {"    uses: folder": "    usess: folder", "[first, second]": "[first, secnd]"}[wrong]
    head, _, tail = FLOW.rpartition(wrong)
    path.write_text(head + right + tail)
    assert run(["validate", str(path), "-c", "model=small"]) == 1
    shown = capsys.readouterr().err
    for part in told:
        assert part in shown


def test_a_missing_folder_is_named(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path.parent / "folder").rmdir()
    assert run(["validate", str(path), "-c", "model=small"]) == 1
    shown = capsys.readouterr().err
    assert "'first'" in shown
    assert str(path.parent / "folder") in shown


def test_a_variable_without_a_value_is_an_error(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(path)]) == 1
    assert "model" in capsys.readouterr().err


def test_a_context_that_is_no_pair_is_a_wrong_command_line(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(path), "-c", "model"]) == 2
    assert "'model' is not KEY=VALUE" in capsys.readouterr().err


def test_the_printed_plan_is_the_plan(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = lower(load(path, context={"model": "small"}))
    assert run(["plan", str(path), "-c", "model=small"]) == 0
    assert capsys.readouterr().out == render(plan)
    assert run(["plan", str(path), "-c", "model=small", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == plan.to_dict()


def test_a_flow_is_named_by_its_file_or_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "flow.yml"
    path.write_text("jtype: Flow\nwith: {name: My_Search}\n")
    assert flow_name(str(path)) == flow_name("My_Search") == flow_name("my-search") == "my-search"


def test_options_of_the_command_line_win_over_the_file(path: Path) -> None:
    declared = declare(str(path), {"model": "small"}, name="other", ports=(0,), quiet=True)
    assert declared.plan.name == "other"
    assert [port.published for port in declared.plan.gateway.ports] == [0]
    assert declared.spec.quiet
    assert declared.root == path.parent
