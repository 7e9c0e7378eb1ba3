"""CONTRIBUTING.md says of each dependency why it is there."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([^`]+)` \| (\w+) \| (.+) \|$", re.MULTILINE)


def normal(requirement: str) -> str:
    """The name of the package that a requirement asks for, as PyPI compares names."""
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[tuple[str, str]]:
    """Pairs of package and group, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"runtime": project["dependencies"], **project["optional-dependencies"]}
    return {
        (normal(requirement), group)
        for group, requirements in groups.items()
        for requirement in requirements
    }


def explained() -> list[tuple[str, str, str]]:
    """Package, group and reason, as CONTRIBUTING.md has them."""
    return ROW.findall((ROOT / "CONTRIBUTING.md").read_text())


def test_the_table_has_each_dependency_of_pyproject_once_and_no_other() -> None:
    rows = [(normal(name), group) for name, group, _ in explained() if group != "image"]
    assert sorted(rows) == sorted(declared())


def test_each_dependency_of_the_table_has_a_reason() -> None:
    assert all(len(reason.strip()) > 20 for _, _, reason in explained())


def test_the_runtime_image_holds_nothing_that_the_table_does_not_account_for() -> None:
    accounted = {normal(name) for name, group, _ in explained() if group in {"runtime", "image"}}
    pins = (ROOT / "images" / "runtime" / "requirements.txt").read_text().splitlines()
    pinned = {normal(pin) for pin in pins if pin and not pin.startswith("#")}
    image_only = {normal(name) for name, group, _ in explained() if group == "image"}
    assert image_only <= pinned
    required = set(accounted)
    for name in pinned & accounted - image_only:
        required |= closure(name)
    assert pinned <= required


def closure(name: str) -> set[str]:
    """The package and all that it requires, without extras."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += [normal(text) for text in requires(one) or () if ";" not in text]
    return found
