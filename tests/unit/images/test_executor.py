"""What of the author's files goes into an Executor's image."""

from __future__ import annotations

from pathlib import Path

import pytest

from containerflow.errors import SourceError
from containerflow.images.build import Recipe
from containerflow.images.executor import Ingredients, executor_recipe, gather
from containerflow.images.runtime import Runtime
from containerflow.images.sources import Sources
from containerflow.images.stages import STAGE_ARGUMENT, STAGE_LABEL
from containerflow.plan.model import Build

RUNTIME = Runtime("containerflow/runtime:1", "containerflow/builder:1")


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(ingredients: Ingredients) -> set[str]:
    return {entry.path for entry in ingredients.entries if entry.content is not None}


def test_the_runtime_alone_needs_no_image_of_its_own(tmp_path: Path) -> None:
    build = Build("runtime", owned_paths=("/workspace",))
    assert gather(build, Sources(tmp_path), "a").is_empty


def test_a_volume_elsewhere_needs_one(tmp_path: Path) -> None:
    assert not gather(Build("runtime", owned_paths=("/x",)), Sources(tmp_path), "a").is_empty


def test_containerflow_is_not_installed_a_second_time(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__executor_dot_py="",
        a__requirements_dot_txt="containerflow\nContainerflow[dev]>=1 ; python_version > '3'\n"
        "containerflow @ file:///x\ncontainerflow-extras\nnumpy # containerflow\n",
    )
    requirements = gather(Build("directory", "a"), Sources(tmp_path), "a").requirements
    assert requirements.split("\n") == ["containerflow-extras", "numpy # containerflow", ""]


def test_requirements_that_ask_for_nothing_install_nothing(tmp_path: Path) -> None:
    write(tmp_path, a__executor_dot_py="", a__requirements_dot_txt="# none\n\ncontainerflow\n")
    assert gather(Build("directory", "a"), Sources(tmp_path), "a").requirements == ""


def test_requirements_that_name_other_files_get_the_folder_along(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__executor_dot_py="",
        a__base_dot_txt="numpy",
        a__requirements_dot_txt="-r base.txt\n",
    )
    ingredients = gather(Build("directory", "a"), Sources(tmp_path), "a")
    recipe = executor_recipe(ingredients, "image", RUNTIME)
    assert recipe.below is not None
    assert "requirements/base.txt" in {entry.path for entry in recipe.below.context.entries}


def below(root: Path, folder: str) -> Recipe | None:
    ingredients = gather(Build("directory", folder), Sources(root), "a")
    return executor_recipe(ingredients, "containerflow/x", RUNTIME).below


def test_an_edit_of_the_source_needs_no_other_image_with_the_requirements(tmp_path: Path) -> None:
    write(tmp_path, a__executor_dot_py="x = 1", a__requirements_dot_txt="numpy\n")
    before = below(tmp_path, "a")
    write(tmp_path, a__executor_dot_py="x = 2", b__requirements_dot_txt="numpy\n")
    after, other = below(tmp_path, "a"), below(tmp_path, "b")
    assert before is not None
    assert after is not None
    assert other is not None
    assert before.reference == after.reference == other.reference
    write(tmp_path, a__requirements_dot_txt="numpy<2\n")
    changed = below(tmp_path, "a")
    assert changed is not None
    assert changed.reference != before.reference


def test_only_the_image_with_the_requirements_is_built_with_the_network_settings(
    tmp_path: Path,
) -> None:
    write(tmp_path, a__executor_dot_py="", a__requirements_dot_txt="numpy\n")
    ingredients = gather(Build("directory", "a"), Sources(tmp_path), "a")
    recipe = executor_recipe(ingredients, "containerflow/x", RUNTIME)
    assert recipe.below is not None
    assert (recipe.network, recipe.below.network) == ("", "network")
    (dockerfile,) = (e for e in recipe.below.context.entries if e.path == "Dockerfile")
    assert isinstance(dockerfile.content, bytes)
    lines = dockerfile.content.decode().splitlines()
    label = lines.index(f"LABEL {STAGE_LABEL}=${{{STAGE_ARGUMENT}}}")
    network = lines.index("COPY network /tmp/build/network")
    last_stage = lines.index("FROM ${RUNTIME}")
    assert label < network < last_stage


@pytest.mark.parametrize("requirements", ["numpy\n", ""])
def test_a_dockerfile_that_asks_for_them_stands_on_the_requirements(
    tmp_path: Path, requirements: str
) -> None:
    write(
        tmp_path,
        a__Dockerfile="ARG CFLOW_REQUIREMENTS\nFROM ${CFLOW_REQUIREMENTS}\n",
        a__requirements_dot_txt=requirements,
    )
    ingredients = gather(Build("directory", "a"), Sources(tmp_path), "a")
    recipe = executor_recipe(ingredients, "containerflow/x", RUNTIME)
    expected = recipe.below.reference if recipe.below is not None else RUNTIME.reference
    assert recipe.arguments["CFLOW_REQUIREMENTS"] == expected
    assert (recipe.below is not None) == bool(requirements)


def test_a_dockerfile_that_does_not_ask_installs_its_requirements_itself(tmp_path: Path) -> None:
    write(
        tmp_path,
        a__Dockerfile="ARG CFLOW_RUNTIME\nFROM ${CFLOW_RUNTIME}\n",
        a__requirements_dot_txt="numpy\n",
    )
    assert below(tmp_path, "a") is None


def test_the_same_files_on_another_runtime_are_another_image(tmp_path: Path) -> None:
    write(tmp_path, a__executor_dot_py="")
    ingredients = gather(Build("directory", "a"), Sources(tmp_path), "a")
    other = Runtime("containerflow/runtime:2", "containerflow/builder:1")
    one = executor_recipe(ingredients, "image", RUNTIME).reference
    assert one != executor_recipe(ingredients, "image", other).reference
    assert one == executor_recipe(ingredients, "image", RUNTIME).reference


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Build("directory", "nowhere"), r"'a' uses 'nowhere', but .*/nowhere does not exist"),
        (Build("directory", "file.txt"), "is a file, not a directory"),
        (Build("directory", "empty"), "which is empty"),
        (Build("directory", "some", entry="config.yml"), "no such file"),
        (Build("module", "nowhere.py", entry="A"), "cannot be read: No such file"),
        (Build("module", "some/executor.py", entry="A"), "There is no class A"),
        (Build("module", "m.py", entry="A", modules=("gone.py",)), r"gone\.py does not exist"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, build: Build, message: str) -> None:
    write(tmp_path, file_dot_txt="", some__executor_dot_py="", m_dot_py="class A: ...")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match=message):
        gather(build, Sources(tmp_path), "a")


def test_modules_beside_a_class_come_along_as_far_as_they_are_imported(tmp_path: Path) -> None:
    write(
        tmp_path,
        script_dot_py="import near\nimport json, os.path\nimport unused\n"
        "class A:\n    def run(self):\n        import late\n        return near\n",
        near_dot_py="from package.inner import x\n",
        unused_dot_py="",
        late_dot_py="",
        requirements_dot_txt="numpy\n",
    )
    (tmp_path / "package").mkdir(exist_ok=True)
    (tmp_path / "package/__init__.py").write_text("")
    (tmp_path / "package/inner.py").write_text("x = 1\n")
    (tmp_path / "package/data.txt").write_text("data")
    ingredients = gather(Build("module", "script.py", entry="A"), Sources(tmp_path), "a")
    assert paths(ingredients) == {
        "script.py",
        "near.py",
        "late.py",
        "package/__init__.py",
        "package/inner.py",
        "package/data.txt",
    }
    assert ingredients.requirements == "numpy\n"


def test_a_class_of_a_package_finds_the_package_again(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    write(tmp_path / "project", helper_dot_py="", runner_dot_py="")
    (tmp_path / "project/__init__.py").write_text("")
    (tmp_path / "project/runner.py").write_text(
        "from project import helper\nclass A:\n    x = helper\n"
    )
    ingredients = gather(Build("module", "project/runner.py", entry="A"), Sources(tmp_path), "a")
    assert {"runner.py", "project/__init__.py", "project/helper.py"} <= paths(ingredients)


def test_named_modules_stand_beside_the_class(tmp_path: Path) -> None:
    write(tmp_path, m_dot_py="class A: ...", lib__extra_dot_py="")
    build = Build("module", "m.py", entry="A", modules=("lib/extra.py",))
    assert paths(gather(build, Sources(tmp_path), "a")) == {"m.py", "extra.py"}


def test_a_relative_import_is_refused_with_the_way_out(tmp_path: Path) -> None:
    write(tmp_path, m_dot_py="from . import x\nclass A:\n    y = x\n")
    with pytest.raises(SourceError, match="relative import"):
        gather(Build("module", "m.py", entry="A"), Sources(tmp_path), "a")
