"""What the README shows is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from containerflow.cli.main import PLACES
from containerflow.flow.graph import resolve
from containerflow.flow.yaml import load
from containerflow.plan.lower import lower

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_script_of_the_readme_is_the_one_in_examples() -> None:
    script = (ROOT / "examples" / "hello" / "script.py").read_text().split("\n\n", 1)[1]
    assert script in blocks("python")


def test_the_flow_of_the_readme_has_the_graph_of_the_example() -> None:
    [shown] = blocks("yaml")
    example = load(ROOT / "examples" / "search" / "flow.yml")
    assert resolve(load(shown).executors) == resolve(example.executors)
    assert load(shown).executors == example.executors


def test_each_flow_in_examples_can_be_lowered() -> None:
    paths = sorted((ROOT / "examples").glob("*/flow.yml"))
    assert paths
    for path in paths:
        assert lower(load(path)).services


def test_the_readme_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"`?cflow ([a-z]+)", README))
    assert named == set(PLACES)


def test_the_links_of_the_readme_lead_somewhere() -> None:
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target
