"""The search example, end to end, on a small part of its corpus."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from docker import APIClient

from tests.integration.leftovers import left_of, remove_all_of

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

EXAMPLE = Path(__file__).parents[2] / "examples" / "search"


@pytest.fixture
def name(engine: APIClient) -> Iterator[str]:
    """A name that no other Flow has; nothing of it is left afterwards."""
    name = f"search-{uuid4().hex[:8]}"
    yield name
    remove_all_of(engine, name)


@pytest.fixture
def demo(name: str, tmp_path: Path) -> Path:
    """The example under that name, so that its kept index is nobody else's."""
    copy = tmp_path / "search"
    shutil.copytree(EXAMPLE, copy)
    declared = (copy / "flow.yml").read_text()
    assert declared.count("name: search\n") == 1
    (copy / "flow.yml").write_text(declared.replace("name: search\n", f"name: {name}\n"))
    return copy / "demo.py"


def printed_by(demo: Path, *queries: str) -> str:
    answer = subprocess.run(
        [sys.executable, str(demo), "--limit", "400", *queries],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout + answer.stderr


def test_it_answers_from_both_indexes_and_keeps_them_for_the_next_time(
    name: str, demo: Path, engine: APIClient
) -> None:
    first = printed_by(demo, "absolute value of a number")
    assert "Indexing 400 documents" in first
    assert "builtins.abs" in first

    second = printed_by(demo, "absolute value of a number")
    assert "Found the kept index of 400 documents" in second
    assert "Indexing" not in second
    assert "Building" not in second
    assert "builtins.abs" in second

    assert left_of(engine, name) == []
