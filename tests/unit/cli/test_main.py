"""The command line as a whole: what it imports, and how it ends."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import click
import pytest

from containerflow.cli import arguments, call, table
from containerflow.cli.main import PLACES, run


def in_new_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "containerflow", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_with_what_it_does() -> None:
    answer = in_new_process("--help")
    assert answer.returncode == 0
    for name, place in PLACES.items():
        assert f"  {name} " in answer.stdout
        assert place.summary in answer.stdout


def test_help_imports_no_command_and_none_of_the_slow_libraries() -> None:
    code = (
        "import sys\n"
        "from containerflow.cli.main import run\n"
        "run(['--help'])\n"
        "slow = {'pydantic', 'docker', 'yaml', 'grpc', 'aiohttp', 'rich', 'asyncio'}\n"
        "loaded = set(sys.modules)\n"
        "sys.exit(', '.join(sorted(loaded & slow)) or 0)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", PLACES)
def test_a_command_says_of_itself_what_the_group_says_of_it(name: str) -> None:
    place = PLACES[name]
    command = getattr(importlib.import_module(place.module), place.attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.short_help == place.summary


@pytest.mark.parametrize("name", PLACES)
def test_the_help_of_each_command_has_an_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "Example:" in shown
    assert f"  cflow {name}" in shown


def test_the_program_says_its_version() -> None:
    from containerflow._version import __version__

    assert in_new_process("--version").stdout.strip().endswith(__version__)


def test_an_unknown_command_ends_with_2() -> None:
    assert run(["fly"]) == 2


def test_an_unknown_option_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--fast"]) == 2
    assert "--fast" in capsys.readouterr().err


def test_an_error_of_the_work_ends_with_1_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", str(tmp_path / "none.yml")]) == 1
    shown = capsys.readouterr().err
    assert "none.yml" in shown
    assert "Traceback" not in shown


def test_with_debug_the_error_has_its_traceback(tmp_path: Path) -> None:
    answer = in_new_process("--debug", "validate", str(tmp_path / "none.yml"))
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert "none.yml" in answer.stderr


@pytest.mark.parametrize("module", [arguments, call, table])
def test_the_examples_in_the_docstrings_are_true(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
