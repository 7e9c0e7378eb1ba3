"""What `uses` means, by its looks alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from containerflow.errors import PlanError
from containerflow.plan.model import Build, Service
from containerflow.wire.settings import SETTINGS_VARIABLE
from tests.unit.plan.flows import plan, service


def told(service: Service) -> dict[str, Any]:
    """What the runtime is told to load."""
    settings = json.loads(dict(service.environment)[SETTINGS_VARIABLE])
    return {key: settings[key] for key in ("uses", "py_modules") if key in settings}


def test_nothing_is_the_runtime_itself() -> None:
    lowered = service()
    assert (lowered.image, lowered.build) == ("containerflow/runtime", Build("runtime"))
    assert told(lowered) == {}


@pytest.mark.parametrize(
    ("uses", "source"),
    [
        ("./encoder", "encoder"),
        ("encoder/", "encoder"),
        ("encoder", "encoder"),
        ("executors/encoder", "executors/encoder"),
        ("executors//./encoder", "executors/encoder"),
        ("../shared/encoder", "../shared/encoder"),
        ("/opt/encoder", "/opt/encoder"),
        (".", "."),
        ("my.encoder", "my.encoder"),
        ("./Encoder", "Encoder"),
        ("a/my.Encoder", "a/my.Encoder"),
        ("encoder-v1.2", "encoder-v1.2"),
    ],
)
def test_a_directory(uses: str, source: str) -> None:
    lowered = plan({"name": "enc_oder", "uses": uses}, name="search").services[1]
    assert lowered.image == "containerflow/search-enc-oder"
    assert lowered.build == Build("directory", source)
    assert told(lowered) == {}


@pytest.mark.parametrize(
    ("uses", "source", "entry"),
    [
        ("encoder/config.yml", "encoder", "config.yml"),
        ("./a/b/other.yaml", "a/b", "other.yaml"),
        ("config.yml", ".", "config.yml"),
        ("/config.yml", "/", "config.yml"),
    ],
)
def test_a_yaml_file_and_its_directory(uses: str, source: str, entry: str) -> None:
    lowered = service(uses=uses)
    assert lowered.build == Build("directory", source, entry=entry)
    assert told(lowered) == {"uses": entry}


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ("helper.py", "helper.py"),
        ("encoder/helper.py", "helper.py"),
        ("./encoder/parts/a.py", "parts/a.py"),
    ],
)
def test_modules_in_a_directory_are_named_from_there(modules: str, expected: str) -> None:
    lowered = service(uses="./encoder", py_modules=modules)
    assert lowered.build == Build("directory", "encoder")
    assert told(lowered) == {"py_modules": [expected]}


@pytest.mark.parametrize(
    ("uses", "source", "entry", "loaded"),
    [
        ("encoder.Encoder", "encoder.py", "Encoder", "encoder.Encoder"),
        ("pkg.sub.mod.Encoder", "pkg/sub/mod.py", "Encoder", "mod.Encoder"),
    ],
)
def test_a_class_in_a_module(uses: str, source: str, entry: str, loaded: str) -> None:
    lowered = service(uses=uses)
    assert lowered.build == Build("module", source, entry=entry)
    assert told(lowered) == {"uses": loaded}


@pytest.mark.parametrize("name", ["Encoder", "encoder"])
def test_a_class_in_the_first_of_py_modules(name: str) -> None:
    lowered = service(uses=name, py_modules=["./src/enc.py", "src/b/tokens.py"])
    assert lowered.build == Build("module", "src/enc.py", entry=name, modules=("src/b/tokens.py",))
    assert told(lowered) == {"uses": f"enc.{name}", "py_modules": ["tokens.py"]}


@pytest.mark.parametrize(
    "image",
    [
        "encoder",
        "acme/encoder:1.0",
        "localhost:5000/acme/encoder",
        "ghcr.io/acme/my-encoder__x:v1@sha256:" + "a" * 64,
    ],
)
def test_an_image_is_used_as_it_is(image: str) -> None:
    lowered = service(uses=f"docker://{image}")
    assert (lowered.image, lowered.build) == (image, None)


def test_the_image_owns_the_mount_points_of_named_volumes() -> None:
    volumes = ["x:/b", "./host:/c", "/a"]
    for uses in ("", "./encoder", "enc.Encoder"):
        build = service(uses=uses, volumes=volumes).build
        assert build is not None
        assert build.owned_paths == ("/a", "/b")


@pytest.mark.parametrize(
    ("executor", "words"),
    [
        ({"uses": "jinahub://Encoder"}, "there is no Executor Hub"),
        ({"uses": "jinahub+docker://Encoder"}, "there is no Executor Hub"),
        ({"uses": "jinaai://acme/Encoder"}, "there is no Executor Hub"),
        ({"uses": "https://x/y"}, "`https://` is not known"),
        ({"uses": "docker://"}, "does not name an image"),
        ({"uses": "docker://Acme/Encoder"}, "in lower case"),
        ({"uses": "docker://a b"}, "does not name an image"),
        ({"uses": "executors\\encoder"}, "backslash"),
        ({"uses": "encoder.py"}, r"Name the class"),
        ({"uses": "Encoder"}, "may be a class or a directory"),
        ({"uses": "Encoder", "py_modules": "encoder"}, "not the file of a Python module"),
        ({"uses": "Encoder", "py_modules": "my-encoder.py"}, "not the file of a Python module"),
        ({"uses": "Encoder", "py_modules": ["a/x.py", "b/x.py"]}, "several files .* `x.py`"),
        ({"uses": "./encoder", "py_modules": "../x.py"}, "not in its directory"),
        ({"uses": "./encoder", "py_modules": "/x.py"}, "not in its directory"),
        ({"py_modules": "x.py"}, "no `uses`"),
    ],
)
def test_what_cannot_be_used_says_what_to_do(executor: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        plan(executor)
    assert "Executor `executor0`" in str(caught.value)
    assert caught.value.remedy
