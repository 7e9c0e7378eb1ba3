"""Ask a Gateway whether its Flow is ready, in the cheapest way that reaches it."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import docker.errors

from containerflow.plan.model import Port, Service
from containerflow.targets.docker.addresses import (
    dial_host,
    engine_host,
    place,
    published_port,
)

if TYPE_CHECKING:
    import grpc
    from docker import APIClient

__all__ = ["Answer", "Door", "door_of"]

_DIAL_SECONDS = 0.5
_ANSWER_SECONDS = 1.0

_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""What a client of HTTP/2 says first: the preface of RFC 9113, and an empty SETTINGS frame."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a Gateway says of its Flow.

    Attributes:
        ready: Whether all of the Flow is ready.
        services: By Executor, whether enough of its replicas are ready; empty where the Gateway
            does not say.
    """

    ready: bool
    services: dict[str, bool] = field(default_factory=dict)


class Door(Protocol):
    """A way to ask."""

    def ask(self) -> Answer | None:
        """One question; None where nobody answers yet."""

    def close(self) -> None:
        """Hang up."""


def door_of(
    engine: APIClient,
    service: Service,
    inspected: dict[str, Any],
    executors: Sequence[str],
) -> Door:
    """The way to ask a Gateway that has just been started.

    Args:
        engine: The connection to the engine.
        service: The Gateway.
        inspected: What the engine says of its container.
        executors: Names of the Flow's Executors, to ask for each where one answer does not tell.
    """
    remote = engine_host(engine)
    reachable = [
        (port, host, published_port(port, inspected))
        for port in service.ports
        if (host := dial_host(port, remote))
    ]
    # HTTP first: it tells of every Executor in one answer, and needs no library.
    reachable.sort(key=lambda one: one[0].protocol == "grpc")
    if not reachable:
        # Published on the loopback of another machine: only its engine can ask there.
        return _EngineDoor(engine, inspected["Id"], service.probe.command)
    port, host, number = reachable[0]
    return _GrpcDoor(host, number, executors) if _is_grpc(port) else _HttpDoor(host, number)


def _is_grpc(port: Port) -> bool:
    return port.protocol == "grpc"


class _HttpDoor:
    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)

    def ask(self) -> Answer | None:
        try:
            self._connection.request("GET", "/readyz")
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            # Nobody listens yet, or the engine's forwarder does and the container does not.
            self._connection.close()
            return None
        return _parse(response.status, body)

    def close(self) -> None:
        self._connection.close()


def _parse(status: int, body: bytes) -> Answer | None:
    if status not in {200, 503}:
        return None
    try:
        told = json.loads(body)
        services = {
            name: state["ready"] >= state["replicas"]
            for name, state in (told.get("services") or {}).items()
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        # Some other program's page of status; the number says all that is needed.
        services = {}
    return Answer(status == 200, services)


class _GrpcDoor:
    """Health v1, over a channel that is opened once the server is known to speak.

    The library retries a refused connection only after seconds; a plain socket waits better.
    """

    def __init__(self, host: str, port: int, executors: Sequence[str]) -> None:
        self._address = (host, port)
        self._executors = executors
        self._channel: grpc.Channel | None = None

    def ask(self) -> Answer | None:
        if self._channel is None:
            if not self._speaks():
                return None
            import grpc

            self._channel = grpc.insecure_channel(  # type: ignore[no-untyped-call]
                place(*self._address),
                # A proxy for the way out of this machine has no part in calls within it.
                options=[("grpc.enable_http_proxy", 0)],
            )
        state = self._check("")
        if state is None:
            return None
        if state:
            return Answer(True)
        known = {name: self._check(name) for name in self._executors}
        return Answer(False, {name: ready for name, ready in known.items() if ready is not None})

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()  # type: ignore[no-untyped-call]
            self._channel = None

    def _speaks(self) -> bool:
        try:
            with socket.create_connection(self._address, _DIAL_SECONDS) as connection:
                connection.sendall(_HTTP2_PREFACE)
                return bool(connection.recv(1))
        except OSError:
            # Nobody listens yet, or the engine's forwarder does and the container does not.
            return False

    def _check(self, service: str) -> bool | None:
        import grpc
        from grpc_health.v1 import health_pb2, health_pb2_grpc

        assert self._channel is not None
        stub = health_pb2_grpc.HealthStub(self._channel)  # type: ignore[no-untyped-call]
        request = health_pb2.HealthCheckRequest(service=service)
        try:
            response = stub.Check(request, timeout=_ANSWER_SECONDS)
        except grpc.RpcError:
            # Not listening any more, or a service that this Gateway does not tell of.
            return None
        return bool(response.status == health_pb2.HealthCheckResponse.SERVING)


class _EngineDoor:
    """The container's own probe, run by the engine: slower, and works wherever the engine does."""

    def __init__(self, engine: APIClient, container_id: str, command: Sequence[str]) -> None:
        self._engine = engine
        self._container_id = container_id
        self._command = list(command)

    def ask(self) -> Answer | None:
        try:
            probe = self._engine.exec_create(self._container_id, self._command)["Id"]
            self._engine.exec_start(probe)
            code = self._engine.exec_inspect(probe)["ExitCode"]
        except docker.errors.APIError:
            # The container is not running (yet, or any more); the engine's events say which.
            return None
        return Answer(code == 0)

    def close(self) -> None:
        """Nothing is held open."""
