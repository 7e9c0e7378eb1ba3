"""Where an engine is looked for, and what is said when none answers."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from containerflow.engine.connection import connect, endpoints
from containerflow.errors import EngineUnavailableError


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))


def make_context(folder: Path, name: str, host: str, *, current: bool) -> None:
    meta = folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    content = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
    (meta / "meta.json").write_text(json.dumps(content))
    (folder / "config.json").write_text(json.dumps({"currentContext": name} if current else {}))


def test_docker_host_is_the_only_place_when_it_is_set(tmp_path: Path) -> None:
    make_context(tmp_path / "docker", "colima", "unix:///colima.sock", current=True)
    found = list(endpoints({"DOCKER_HOST": "tcp://127.0.0.1:1"}, tmp_path))
    assert [(place.url, place.chosen) for place in found] == [("tcp://127.0.0.1:1", True)]


def test_the_current_context_is_the_only_place_when_it_is_not_the_default(tmp_path: Path) -> None:
    make_context(tmp_path / "docker", "colima", "unix:///colima.sock", current=True)
    found = list(endpoints({}, tmp_path))
    assert [(place.url, place.chosen) for place in found] == [("unix:///colima.sock", True)]


def test_docker_context_wins_over_the_current_one(tmp_path: Path) -> None:
    make_context(tmp_path / "docker", "colima", "unix:///colima.sock", current=False)
    found = list(endpoints({"DOCKER_CONTEXT": "colima"}, tmp_path))
    assert [place.url for place in found] == ["unix:///colima.sock"]


def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="no docker context 'gone'"):
        list(endpoints({"DOCKER_CONTEXT": "gone"}, tmp_path))


@pytest.mark.parametrize(
    "socket_path",
    [
        ".docker/run/docker.sock",
        ".colima/default/docker.sock",
        ".orbstack/run/docker.sock",
        "run/podman/podman.sock",
        "run/docker.sock",
    ],
)
def test_the_usual_sockets_are_tried_where_they_exist(tmp_path: Path, socket_path: str) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    before = [place.url for place in endpoints(environment, tmp_path)]
    (tmp_path / socket_path).parent.mkdir(parents=True)
    (tmp_path / socket_path).touch()
    after = [place.url for place in endpoints(environment, tmp_path)]
    assert set(after) - set(before) == {f"unix://{tmp_path / socket_path}"}


def test_a_home_that_cannot_be_looked_into_has_no_sockets(tmp_path: Path) -> None:
    known = {place.url for place in endpoints({}, tmp_path)}
    unusable = tmp_path / ("x" * 300)
    assert {place.url for place in endpoints({}, unusable)} == known


def test_certificates_that_are_not_there_are_said_so(tmp_path: Path) -> None:
    environment = {
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": str(tmp_path),
    }
    with pytest.raises(EngineUnavailableError, match="DOCKER_CERT_PATH"):
        list(endpoints(environment, tmp_path))


def test_a_chosen_engine_that_does_not_answer_is_named_and_no_other_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineUnavailableError) as raised:
        connect()
    assert "there is no such socket" in raised.value.message
    assert raised.value.remedy == "Start that engine, or unset DOCKER_HOST."


def test_an_engine_that_keeps_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(EngineUnavailableError, match="did not answer in time"):
            connect(timeout=0.2)


def test_an_address_that_makes_no_sense_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "gopher://nowhere")
    with pytest.raises(EngineUnavailableError, match="gopher://nowhere"):
        connect()
