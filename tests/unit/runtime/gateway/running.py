"""Running Gateways for tests, in front of lane peers on the loopback interface."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from containerflow.runtime.gateway.door import Address
from containerflow.runtime.gateway.server import GatewayServer, start
from containerflow.wire.settings import GatewaySettings, ListenerSettings, NodeSettings
from tests.unit.runtime.gateway.lane_peer import LanePeer

Peers = dict[str, list[LanePeer]]


class Names:
    """A resolver with names of its own: what a Flow's private network would answer."""

    def __init__(self, peers: Peers) -> None:
        self.addresses = {
            name: {Address("127.0.0.1", peer.port) for peer in replicas}
            for name, replicas in peers.items()
        }

    async def __call__(self, host: str, port: int) -> frozenset[Address]:
        return frozenset(self.addresses.get(host, ()))


def chain(*names: str, **options: Any) -> list[NodeSettings]:
    """Nodes in a row."""
    before = ("gateway", *names)
    return [
        NodeSettings(name=name, needs=(need,), host=name, **options)
        for name, need in zip(names, before, strict=False)
    ]


@asynccontextmanager
async def gateway(
    nodes: list[NodeSettings],
    peers: Peers | None = None,
    *,
    wait: bool = True,
    protocols: tuple[str, ...] = ("http",),
    names: Names | None = None,
    **settings: Any,
) -> AsyncIterator[GatewayServer]:
    """A Gateway on free ports; its peers are started if they are not, and all is closed after."""
    replicas = [peer for several in (peers or {}).values() for peer in several]
    for name, several in (peers or {}).items():
        for peer in several:
            peer.name = peer.name or name
    for peer in replicas:
        if peer.server is None:
            await peer.start()
    server = await start(
        GatewaySettings(
            flow="test",
            listeners=tuple(ListenerSettings(protocol=p, port=0) for p in protocols),
            nodes=tuple(nodes),
            admin_port=0,
            **{"drain_seconds": 5.0, **settings},
        ),
        resolve=names or Names(peers or {}),
        host="127.0.0.1",
    )
    try:
        if wait:
            await until(server.gateway.is_ready)
        yield server
    finally:
        await server.close()
        for peer in replicas:
            await peer.close()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what is bound to happen; a test that waits in vain ends by its timeout."""
    while not condition():
        await asyncio.sleep(0.005)


def url(server: GatewayServer, path: str) -> str:
    """A page of the Gateway's first port."""
    return f"http://127.0.0.1:{server.ports[0]}{path}"
