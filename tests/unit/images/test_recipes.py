"""The recipes are found in a checkout and in an installed wheel, and are the same in both."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from containerflow.images.base import SLIM_IMAGE
from containerflow.images.recipes import PACKAGE, PYTHON, package_files, recipe

ROOT = Path(__file__).parents[3]


def test_every_recipe_is_there() -> None:
    for parts in (
        ("base", "debian.sh"),
        ("runtime", "builder.Dockerfile"),
        ("runtime", "runtime.Dockerfile"),
        ("runtime", "install.sh"),
        ("runtime", "install-requirements"),
        ("runtime", "requirements.txt"),
        ("runtime", "probe"),
    ):
        assert recipe(*parts).is_file()


def test_every_requirement_of_the_runtime_is_pinned() -> None:
    lines = recipe("runtime", "requirements.txt").read_text().splitlines()
    pins = [line for line in lines if line.strip() and not line.startswith("#")]
    assert pins
    assert all(line.count("==") == 1 for line in pins)


def test_the_recipes_speak_of_one_version_of_python() -> None:
    version = ".".join(map(str, PYTHON))
    assert f"python:{version}-" in SLIM_IMAGE
    for file in recipe("runtime").iterdir():
        assert set(re.findall(r"python(3\.\d+)", file.read_text())) <= {version}


def test_what_builds_and_starts_images_is_not_inside_of_them() -> None:
    rooms = {file.relative_to(PACKAGE).parts[0] for file in package_files()}
    assert {"wire", "runtime", "client", "flow", "api"} <= rooms
    assert not rooms & {"cli", "images", "engine", "targets", "plan", "terminal"}


def test_a_wheel_holds_the_recipes_and_finds_them(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    program = (
        "from containerflow.images.recipes import *\n"
        "from containerflow.images.runtime import Base, _recipes\n"
        "import containerflow; print(containerflow.__file__)\n"
        "print(_recipes(Base('base', 'id'))[2])"
    )
    inside, outside = (
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(place)},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()
        for place in (installed, ROOT)
    )
    assert inside[0].startswith(str(installed))
    assert inside[1] == outside[1]
