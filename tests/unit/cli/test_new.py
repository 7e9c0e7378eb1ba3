"""`cflow new` makes a project that is a Flow."""

from __future__ import annotations

from pathlib import Path

import pytest

from containerflow.cli.main import run
from containerflow.cli.new import write_project
from containerflow.errors import SourceError


def test_the_project_has_a_flow_an_executor_a_client_and_a_test(tmp_path: Path) -> None:
    written = write_project(tmp_path / "words")
    names = {path.relative_to(tmp_path / "words").as_posix() for path in written}
    assert names == {
        "README.md",
        "client.py",
        "counter/config.yml",
        "counter/executor.py",
        "counter/requirements.txt",
        "flow.yml",
        "test_flow.py",
    }


def test_nothing_of_the_template_is_left_to_fill_in(tmp_path: Path) -> None:
    for path in write_project(tmp_path / "words"):
        assert "$" not in path.read_text()


def test_the_flow_is_named_after_the_directory_and_is_valid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path / "words-2")
    assert run(["validate", str(tmp_path / "words-2" / "flow.yml")]) == 0
    assert "Flow 'words-2' with 1 Executor, protocol http" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Words", "1st", "a b", "-a", "a-", "a_b", "x" * 64])
def test_a_name_that_no_flow_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError, match="cannot name a Flow"):
        write_project(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_directory_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "kept.txt").write_text("mine")
    with pytest.raises(SourceError, match="not empty"):
        write_project(tmp_path / "words")
    assert [path.name for path in (tmp_path / "words").iterdir()] == ["kept.txt"]


def test_the_commands_that_come_next_are_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "words"]) == 0
    assert "cd words\n  cflow run flow.yml" in capsys.readouterr().out
