"""Find the container engine that this machine uses, and open a connection to it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import docker
import requests
from docker.context import ContextAPI
from docker.errors import DockerException, TLSParameterError
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from containerflow.errors import EngineUnavailableError

__all__ = ["Endpoint", "connect", "endpoints"]

POOL_SIZE = 64
"""Connections kept open; the Docker SDK's own default of 10 would make a large Flow queue."""

INSTALL = (
    "Install Docker Engine, Docker Desktop, Colima or Podman and start it, "
    "or set DOCKER_HOST to an engine that runs."
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine may answer.

    Attributes:
        url: Address in the form of DOCKER_HOST.
        origin: Who named it, for people.
        tls: Certificates for it; None for a plain connection.
        chosen: Whether the user named it: then no other one is tried.
    """

    url: str
    origin: str
    tls: TLSConfig | None = None
    chosen: bool = False


def connect(timeout: float = 60) -> docker.APIClient:
    """Connect to the engine of this machine.

    The first of these that is there counts: DOCKER_HOST, the current docker context, and then
    the usual sockets of Docker, Docker Desktop, Colima, Rancher Desktop, OrbStack and Podman.

    Args:
        timeout: Seconds to wait for one answer of the engine.

    Returns:
        A low-level client that several threads may share.

    Raises:
        EngineUnavailableError: No engine answers.

    Example:
        ::

            engine = connect()
            print(engine.version()["Version"])
    """
    failures: list[str] = []
    for endpoint in endpoints(os.environ, Path.home()):
        try:
            return docker.APIClient(
                base_url=endpoint.url,
                tls=endpoint.tls or False,
                version="auto",
                # The SDK takes floats at run time; its stubs know only whole seconds.
                timeout=timeout,  # type: ignore[arg-type]
                max_pool_size=POOL_SIZE,
                # The ssh program knows the user's keys and hosts, and needs no further package.
                use_ssh_client=True,
            )
        except (DockerException, requests.RequestException, OSError, ValueError) as error:
            failures.append(_explain(endpoint, error))
            if endpoint.chosen:
                raise EngineUnavailableError(
                    f"No container engine answers at {failures[-1]}.",
                    remedy=f"Start that engine, or unset {endpoint.origin}.",
                ) from error
    seen = f" ({'; '.join(failures)})" if failures else ""
    raise EngineUnavailableError(f"No container engine answers{seen}.", remedy=INSTALL)


def endpoints(environment: Mapping[str, str], home: Path) -> Iterator[Endpoint]:
    """Yield the places to look for an engine, the most deliberate first.

    Args:
        environment: The process's environment.
        home: The user's home directory.

    Raises:
        EngineUnavailableError: DOCKER_CONTEXT, DOCKER_HOST's certificates or the current docker
            context name something that is not there.

    Example:
        >>> first = next(endpoints({"DOCKER_HOST": "tcp://127.0.0.1:2375"}, Path("/nowhere")))
        >>> first.url, first.chosen
        ('tcp://127.0.0.1:2375', True)
    """
    if environment.get("DOCKER_HOST"):
        yield _from_environment(environment)
        return
    context = _from_context(environment)
    if context is not None:
        yield context
        if context.chosen:
            return
    tried = {context.url} if context else set()
    for path, origin in _sockets(environment, home):
        url = f"unix://{path}"
        # Unlike Path.exists, this takes a home that may not be looked into for one without sockets.
        if url not in tried and os.path.exists(path):
            yield Endpoint(url, origin)


def _from_environment(environment: Mapping[str, str]) -> Endpoint:
    try:
        settings = kwargs_from_env(dict(environment))
    except TLSParameterError as error:
        raise EngineUnavailableError(
            f"DOCKER_HOST asks for TLS, but its certificates cannot be read: {error}.",
            remedy="Correct DOCKER_CERT_PATH, or unset DOCKER_TLS_VERIFY.",
        ) from error
    return Endpoint(
        str(settings["base_url"]), "DOCKER_HOST", tls=settings.get("tls") or None, chosen=True
    )


def _from_context(environment: Mapping[str, str]) -> Endpoint | None:
    """The current docker context, where it is another one than `default`."""
    named = environment.get("DOCKER_CONTEXT") or None
    origin = "DOCKER_CONTEXT" if named else "the current docker context"
    remedy = "Choose another one with `docker context use`, or set DOCKER_HOST."
    try:
        context = ContextAPI.get_context(named)
    except Exception as error:
        # The SDK raises bare Exception for a context whose file is damaged.
        raise EngineUnavailableError(f"Cannot read {origin}: {error}.", remedy=remedy) from error
    if context is None:
        raise EngineUnavailableError(f"There is no docker context {named!r}.", remedy=remedy)
    if context.name == "default" or not context.Host:
        return None
    return Endpoint(
        str(context.Host), f"{origin} {context.name!r}", tls=context.TLSConfig, chosen=True
    )


def _sockets(environment: Mapping[str, str], home: Path) -> Iterator[tuple[Path, str]]:
    runtime = Path(environment.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    machine = home / ".local/share/containers/podman/machine"
    yield Path("/var/run/docker.sock"), "Docker"
    yield runtime / "docker.sock", "rootless Docker"
    yield home / ".docker/run/docker.sock", "Docker Desktop"
    yield home / ".docker/desktop/docker.sock", "Docker Desktop"
    yield home / ".colima/default/docker.sock", "Colima"
    yield home / ".colima/docker.sock", "Colima"
    yield home / ".rd/docker.sock", "Rancher Desktop"
    yield home / ".orbstack/run/docker.sock", "OrbStack"
    yield runtime / "podman/podman.sock", "Podman"
    yield machine / "podman.sock", "Podman"
    yield machine / "qemu/podman.sock", "Podman"
    yield Path("/run/podman/podman.sock"), "Podman"


def _explain(endpoint: Endpoint, error: Exception) -> str:
    text = str(error)
    if "Permission denied" in text:
        reason = "permission denied: may this user use it?"
    elif "No such file" in text:
        reason = "there is no such socket"
    elif "Connection refused" in text:
        reason = "nobody listens there"
    elif "timed out" in text.lower():
        reason = "it did not answer in time"
    else:
        reason = text.splitlines()[0] if text else type(error).__name__
    return f"{endpoint.url} ({endpoint.origin}): {reason}"
