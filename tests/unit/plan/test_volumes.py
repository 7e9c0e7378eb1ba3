"""Volumes, and memory to write to where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from containerflow.errors import PlanError
from containerflow.plan import defaults
from containerflow.plan.model import Mount, Scratch
from tests.unit.plan.flows import plan, service

TEMPORARY = Scratch("/tmp", defaults.TEMPORARY_BYTES)
WORKSPACE = Scratch("/workspace", defaults.WORKSPACE_BYTES)


@pytest.mark.parametrize(
    ("volume", "mount"),
    [
        ("index:/data", Mount("volume", "flow-index", "/data")),
        ("My_Index.v1:/data:ro", Mount("volume", "flow-my-index-v1", "/data", True)),
        ("index:/data:rw", Mount("volume", "flow-index", "/data")),
        ("./data:/data", Mount("bind", "data", "/data")),
        ("data/in:/data/:ro", Mount("bind", "data/in", "/data", True)),
        ("../data:/data", Mount("bind", "../data", "/data")),
        (".:/data", Mount("bind", ".", "/data")),
        ("/srv/data:/data", Mount("bind", "/srv/data", "/data")),
        ("/data", Mount("volume", "flow-encoder-data", "/data")),
        ("/data/In:ro", Mount("volume", "flow-encoder-data-in", "/data/In", True)),
        ("//data", Mount("volume", "flow-encoder-data", "/data")),
    ],
)
def test_what_a_volume_mounts(volume: str, mount: Mount) -> None:
    lowered = plan({"name": "encoder", "volumes": volume})
    assert lowered.services[1].mounts == (mount,)
    assert lowered.volumes == ((mount.source,) if mount.kind == "volume" else ())


def test_executors_share_a_named_volume_and_not_their_own() -> None:
    lowered = plan(
        {"name": "a", "volumes": ["index:/x", "/y"]}, {"name": "b", "volumes": ["index:/z", "/y"]}
    )
    assert lowered.volumes == ("flow-a-y", "flow-b-y", "flow-index")


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ("", "not understood"),
        (":/data", "not understood"),
        ("a:/b:/c", "not understood"),
        ("a:/b:no", "not understood"),
        ("data:", "not understood"),
        ("data", "not an absolute path"),
        ("index:data", "not an absolute path"),
        ("index:/a/../b", "not an absolute path"),
        ("~/data:/data", "whose home"),
        ("a b:/data", "no name for a volume"),
        ("/数据", "no name for it"),
        *((f"x:{target}", "needs as it is") for target in ("/", "/app", "/opt", "/tmp", "/usr/")),
        ("x:/opt/executor/lib", "needs as it is"),
        ("x:/proc/1", "needs as it is"),
        ("/dev/x", "needs as it is"),
    ],
)
def test_a_volume_that_cannot_be_mounted_is_an_error(volume: str, words: str) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        service(volumes=[volume])
    assert caught.value.remedy


def test_two_volumes_in_one_place_are_an_error() -> None:
    with pytest.raises(PlanError, match="two volumes on `/data`"):
        service(volumes=["a:/data", "./b:/data/"])


@pytest.mark.parametrize(
    "executors",
    [
        [{"volumes": ["my_index:/a", "my-index:/b"]}],
        [{"name": "a", "volumes": "/x"}, {"name": "b", "volumes": "a-x:/y"}],
        [{"volumes": ["/a/b", "/a-b"]}],
    ],
)
def test_volumes_that_would_have_one_name_are_an_error(executors: list[dict[str, Any]]) -> None:
    with pytest.raises(PlanError, match="so would another"):
        plan(*executors)


def test_a_volume_with_too_long_a_name_is_an_error() -> None:
    with pytest.raises(PlanError, match="longer than the 63"):
        service(volumes="/" + "a" * 60)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (TEMPORARY, WORKSPACE)),
        ({"volumes": "/data"}, (TEMPORARY, WORKSPACE)),
        ({"volumes": "x:/workspace"}, (TEMPORARY,)),
        ({"volumes": "x:/workspace/index"}, (TEMPORARY, WORKSPACE)),
        ({"workspace": "/data/ws", "volumes": "/data"}, (TEMPORARY,)),
        ({"workspace": "/ws"}, (TEMPORARY, Scratch("/ws", defaults.WORKSPACE_BYTES))),
        ({"workspace": "/tmp/ws"}, (TEMPORARY,)),
    ],
)
def test_a_workspace_can_always_be_written_to(
    options: dict[str, Any], expected: tuple[Scratch, ...]
) -> None:
    assert service(**options).scratch == expected


def test_the_gateway_has_no_workspace() -> None:
    assert plan().gateway.scratch == (TEMPORARY,)


@pytest.mark.parametrize("workspace", ["./ws", "ws", "/app", "/"])
def test_a_workspace_that_cannot_be_is_an_error(workspace: str) -> None:
    with pytest.raises(PlanError, match="workspace") as caught:
        service(workspace=workspace)
    assert caught.value.remedy
