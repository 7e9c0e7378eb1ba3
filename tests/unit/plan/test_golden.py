"""One Flow's Plan, word for word, so that no default changes unseen.

Where a change is meant, write the files anew, and read the difference before it is kept:

    CFLOW_WRITE_GOLDEN=1 pytest tests/unit/plan/test_golden.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from containerflow.flow.yaml import load
from containerflow.plan.lower import lower
from containerflow.plan.render import render
from tests.unit.plan.flows import SEARCH

GOLDEN = Path(__file__).parent / "golden"


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("CFLOW_WRITE_GOLDEN"):
        path.write_text(text)
        pytest.skip(f"wrote {path.name}")
    assert text == path.read_text()


def test_the_plan_of_a_flow_is_the_golden_one() -> None:
    compare("search.json", json.dumps(lower(load(SEARCH)).to_dict(), indent=1) + "\n")


def test_its_text_for_people_is_the_golden_one() -> None:
    compare("search.yml", render(lower(load(SEARCH))))


def test_the_plan_of_the_empty_flow_is_the_golden_one() -> None:
    compare("empty.json", json.dumps(lower(load("jtype: Flow")).to_dict(), indent=1) + "\n")
