"""Puts a Gateway's process together: Executors' doors, public ports, admin port."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Protocol

from containerflow.errors import PlanError
from containerflow.runtime.admin import AdminServer, Readiness, serve_admin
from containerflow.runtime.gateway.door import Resolve
from containerflow.runtime.gateway.doors import open_door
from containerflow.runtime.gateway.gateway import Gateway
from containerflow.runtime.gateway.readiness import readiness
from containerflow.runtime.gateway.resolver import Resolver
from containerflow.runtime.metrics import RequestMetrics
from containerflow.wire.settings import GatewaySettings, ListenerSettings

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """A public port."""

    port: int

    async def close(self) -> None:
        """Take nothing new, finish what is in flight, and hang up."""


class GatewayServer:
    """A running Gateway with its ports; made by `start`.

    Attributes:
        gateway: Who answers.
        listeners: The public ports, in declared order.
        admin: The admin port.
    """

    def __init__(self, gateway: Gateway, admin: AdminServer, resolver: Resolver) -> None:
        self.gateway = gateway
        self._resolver = resolver
        self.listeners: list[Listener] = []
        self.admin = admin

    @property
    def ports(self) -> list[int]:
        """The public ports' numbers, in declared order."""
        return [listener.port for listener in self.listeners]

    async def close(self) -> None:
        """Stop: not ready at once, requests in flight finished within `drain_seconds`, then all."""
        self.gateway.begin_drain()
        await asyncio.gather(*(listener.close() for listener in self.listeners))
        await self.gateway.close()
        self._resolver.close()
        await self.admin.close()


async def start(
    settings: GatewaySettings, *, resolve: Resolve | None = None, host: str = "0.0.0.0"
) -> GatewayServer:
    """Start a Gateway; it is ready once the Flow's Executors are.

    Args:
        settings: The Flow as the Plan describes it; a port of 0 takes a free one.
        resolve: Finds the addresses of replicas; the system's resolver by default.
        host: Address that all ports listen on.

    Raises:
        PlanError: A listener speaks what this Gateway does not.
        OSError: A port cannot be had.

    Example:
        ::

            server = await start(GatewaySettings.model_validate_json(text))
            ...
            await server.close()
    """
    for listener in settings.listeners:
        if listener.protocol == "websocket":
            raise PlanError(
                "This Gateway does not speak websocket.",
                remedy="Use protocol http or grpc for its listeners.",
            )
    metrics = RequestMetrics("containerflow_gateway")
    resolver = Resolver()
    gateway = Gateway(settings, partial(open_door, resolve=resolve or resolver), metrics)
    admin: AdminServer | None = None
    try:
        admin = await serve_admin(
            settings.admin_port,
            lambda: Readiness(gateway.is_ready(), {"services": readiness(gateway)["services"]}),
            registry=metrics.registry,
            host=host,
        )
        server = GatewayServer(gateway, admin, resolver)
        for listener in settings.listeners:
            server.listeners.append(await _listen(gateway, listener, host))
            logger.info("Listening for %s on port %d.", listener.protocol, server.ports[-1])
    except BaseException:
        await gateway.close()
        resolver.close()
        if admin is not None:
            await admin.close()
        raise
    return server


async def _listen(gateway: Gateway, listener: ListenerSettings, host: str) -> Listener:
    # Imported here so that a Gateway pays only for what it speaks.
    if listener.protocol == "http":
        from containerflow.runtime.gateway.http_listener import open_http

        return await open_http(gateway, listener.port, host=host)
    from containerflow.runtime.gateway.grpc_listener import open_grpc

    return await open_grpc(gateway, listener.port, host=host)
