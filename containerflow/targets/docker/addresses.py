"""Where callers reach a Flow: from this machine, from its neighbours, and from the world."""

from __future__ import annotations

import ipaddress
import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from containerflow.plan.model import Port

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Address", "addresses", "dial_host", "engine_host", "place", "published_port"]

_LOOPBACK = "127.0.0.1"
_LOOPBACKS = {"": _LOOPBACK, "0.0.0.0": _LOOPBACK, "::": "::1"}
"""Where this machine itself reaches a port that is published on all of its addresses."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one public port of a Flow's Gateway is reached.

    Attributes:
        protocol: What is spoken there: http, grpc or websocket.
        host: Host to call from this machine.
        port: Port to call from this machine.
        private: `host:port` for other machines of the network where the port is published to
            them, else for this machine's own containers; empty where it is not known.
        public: `host:port` for the world; empty where the machine has no public address of its
            own. Nobody on the network is asked.
    """

    protocol: str
    host: str
    port: int
    private: str = ""
    public: str = ""

    @property
    def local(self) -> str:
        """`host:port` to call from this machine."""
        return place(self.host, self.port)


def addresses(
    engine: APIClient, ports: tuple[Port, ...], inspected: dict[str, Any]
) -> tuple[Address, ...]:
    """Where the published ports of a running container are reached.

    Args:
        engine: The connection to the engine that runs it.
        ports: The container's ports, in declared order.
        inspected: What the engine says of the container.

    Returns:
        One address a port, in the same order.
    """
    remote = engine_host(engine)
    return tuple(_address(port, inspected, remote) for port in ports)


def place(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets.

    Example:
        >>> place("::1", 8080)
        '[::1]:8080'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def published_port(port: Port, inspected: dict[str, Any]) -> int:
    """The port on the host that the engine has bound for `port`."""
    bindings = inspected["NetworkSettings"]["Ports"].get(f"{port.container}/tcp") or ()
    return next((int(binding["HostPort"]) for binding in bindings), port.published)


def engine_host(engine: APIClient) -> str:
    """The host that an engine of another machine runs on; empty for one of this machine.

    An engine in a virtual machine of this one (Docker Desktop, Colima) is reached through a local
    socket and forwards its published ports here, so it counts as local.
    """
    url = urlsplit(engine.base_url)
    if url.scheme == "http+docker":
        # The SDK keeps the target of an ssh connection in its transport only.
        target = str(getattr(getattr(engine, "_custom_adapter", None), "ssh_host", None) or "")
        return urlsplit(f"ssh://{target}").hostname or ""
    host = url.hostname or ""
    return "" if host in {"localhost", _LOOPBACK, "::1"} else host


def dial_host(port: Port, remote: str) -> str:
    """The host under which this machine reaches `port`; empty where it cannot."""
    if not remote:
        return _LOOPBACKS.get(port.address, port.address)
    if _is_wildcard(port.address):
        return remote
    return "" if ipaddress.ip_address(port.address).is_loopback else port.address


def _address(port: Port, inspected: dict[str, Any], remote: str) -> Address:
    published = published_port(port, inspected)
    host = dial_host(port, remote) or port.address
    private = public = ""
    if _is_wildcard(port.address):
        neighbour = remote or _own_address()
        private = place(neighbour, published) if neighbour else ""
        if _is_global(neighbour):
            public = place(neighbour, published)
    elif not remote and sys.platform == "linux":
        # Elsewhere containers live in a virtual machine, whose networks the host does not see.
        container = _container_address(inspected)
        private = place(container, port.container) if container else ""
    return Address(port.protocol, host, published, private, public)


def _container_address(inspected: dict[str, Any]) -> str:
    networks = inspected["NetworkSettings"].get("Networks") or {}
    return next((str(one["IPAddress"]) for one in networks.values() if one.get("IPAddress")), "")


def _own_address() -> str:
    """The address of the interface that leads out of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a datagram socket only looks up the route; nothing is sent.
            probe.connect(("10.255.255.255", 1))
        except OSError:
            # A machine without a network has no such address.
            return ""
        return str(probe.getsockname()[0])


def _is_wildcard(address: str) -> bool:
    return address in _LOOPBACKS


def _is_global(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        # A host name, which may well resolve differently elsewhere.
        return False
