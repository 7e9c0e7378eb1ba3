"""The small examples of the README."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import APIClient

from tests.integration.leftovers import left_of, remove_all_of

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "hello"


def printed_by(*arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout + answer.stderr


@pytest.fixture
def name(engine: APIClient) -> Iterator[str]:
    name = "hello-under-test"
    yield name
    remove_all_of(engine, name)


@pytest.fixture
def script(engine: APIClient) -> Iterator[Path]:
    """The script, whose Flow is named `shout`."""
    yield EXAMPLE / "script.py"
    remove_all_of(engine, "shout")


def test_a_class_in_a_script_answers_from_its_own_container(
    script: Path, engine: APIClient
) -> None:
    assert "WHAT RAN HERE IS WHAT SHIPS" in printed_by(str(script))
    assert left_of(engine, "shout") == []


def test_the_smallest_flow_greets(name: str) -> None:
    flow = str(EXAMPLE / "flow.yml")
    shown = printed_by("-m", "containerflow", "up", flow, "--name", name, "--port", "0")
    [address] = re.findall(r"Local:\s+(\S+)", shown)
    answer = printed_by("-m", "containerflow", "call", address, "/hello", '{"name": "Ada"}')
    assert json.loads(answer)["data"][0]["greeting"] == "Hello, Ada!"
