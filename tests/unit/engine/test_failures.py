"""What the engine and the way to it raise becomes our own errors."""

from __future__ import annotations

import socket

import docker.errors
import pytest
import requests

from containerflow.engine.failures import engine_errors
from containerflow.errors import EngineError, EngineUnavailableError, PortInUseError, SourceError


@pytest.mark.parametrize(
    "text",
    [
        # Docker 20.10, its proxy, Docker 28, Docker Desktop, Podman.
        "driver failed programming external connectivity on endpoint flow-gateway-0 (4b2e): Bind "
        "for 127.0.0.1:8080 failed: port is already allocated",
        "driver failed programming external connectivity on endpoint g (1): Error starting "
        "userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "failed to set up container networking: driver failed programming external connectivity "
        "on endpoint x (2): failed to bind host port for 127.0.0.1:8080:172.18.0.2:8080/tcp: "
        "address already in use",
        "Ports are not available: exposing port TCP 127.0.0.1:8080 -> 0.0.0.0:0: listen tcp "
        "127.0.0.1:8080: bind: address already in use",
        "rootlessport listen tcp 127.0.0.1:8080: bind: address already in use",
    ],
)
def test_a_taken_port_is_named(text: str) -> None:
    with (
        pytest.raises(PortInUseError, match=r"^Port 8080 is in use .*starting gateway"),
        engine_errors("starting gateway"),
    ):
        raise docker.errors.APIError("500 Server Error", explanation=text)


def test_any_other_refusal_carries_the_words_of_the_engine() -> None:
    with (
        pytest.raises(EngineError, match=r"while creating x: no space left\.$"),
        engine_errors("creating x"),
    ):
        raise docker.errors.APIError("500 Server Error", explanation="no space left")


def test_an_engine_that_went_away_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with (
        pytest.raises(EngineUnavailableError, match="stopped answering while asking"),
        engine_errors("asking"),
    ):
        requests.get(f"http://127.0.0.1:{port}/_ping", timeout=5)


def test_an_engine_that_keeps_silent_is_said_so() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(EngineUnavailableError, match="did not answer in time while asking"),
        engine_errors("asking"),
    ):
        requests.get(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=0.1)


def test_our_own_errors_and_mistakes_in_code_pass_unchanged() -> None:
    with pytest.raises(SourceError, match=r"^gone$"), engine_errors("building"):
        raise SourceError("gone")
    with pytest.raises(ZeroDivisionError), engine_errors("building"):
        print(1 // 0)
