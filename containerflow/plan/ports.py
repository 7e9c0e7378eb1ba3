"""The Gateway's doors: what is spoken, where a process listens, where the host publishes."""

from __future__ import annotations

import ipaddress

from containerflow.errors import PlanError
from containerflow.flow.gateway import GatewaySpec
from containerflow.plan.defaults import (
    HTTP_PORT,
    LOWEST_CONTAINER_PORT,
    PROTOCOL,
    PUBLISH_ADDRESS,
)
from containerflow.plan.model import Port
from containerflow.wire.settings import ADMIN_PORT, GRPC_PORT, Protocol

_CONTAINER_PORTS: dict[Protocol, int] = {
    "http": HTTP_PORT,
    "grpc": GRPC_PORT,
    "websocket": HTTP_PORT,
}


def gateway_ports(gateway: GatewaySpec) -> tuple[Port, ...]:
    """The Gateway's public ports, in the order of its protocols.

    A published port of 1024 or more is the container's port too. Below, and where the engine
    chooses (0), the container listens on the protocol's own port.

    Raises:
        PlanError: Two doors in one place, a port that is taken, or as many ports as do not fit.
    """
    protocols: tuple[Protocol, ...] = gateway.protocol or (PROTOCOL,)
    if gateway.port and len(gateway.port) != len(protocols):
        raise PlanError(
            f"The Gateway speaks {len(protocols)} protocols ({', '.join(protocols)}), and `port` "
            f"has {len(gateway.port)}.",
            remedy="Name one port for each protocol, in the same order.",
        )
    address = _address(gateway.host or PUBLISH_ADDRESS)
    ports: list[Port] = []
    for index, protocol in enumerate(protocols):
        own = _CONTAINER_PORTS[protocol]
        published = gateway.port[index] if gateway.port else own
        container = published if published >= LOWEST_CONTAINER_PORT else own
        if container == ADMIN_PORT:
            raise PlanError(
                f"The Gateway cannot speak {protocol} on port {ADMIN_PORT}: its probe and its "
                "metrics are there.",
                remedy="Choose another port.",
            )
        for other in ports:
            if container == other.container:
                raise PlanError(
                    f"The Gateway would speak {other.protocol} and {protocol} on one port, "
                    f"{container}.",
                    remedy="Give them different ports.",
                )
            if published and published == other.published:
                raise PlanError(
                    f"Port {published} would be published for {other.protocol} and {protocol}.",
                    remedy="Give them different ports.",
                )
        ports.append(Port(container, published, address, protocol))
    return tuple(ports)


def _address(host: str) -> str:
    if host == "localhost":
        return PUBLISH_ADDRESS
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        raise PlanError(
            f"The Gateway's host is `{host}`, and ports are published on an address.",
            remedy="Write 127.0.0.1 for this machine alone, or 0.0.0.0 for all its networks.",
        ) from None
