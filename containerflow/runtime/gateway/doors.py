"""Opens the door of an Executor in the way that the Plan asks for."""

from __future__ import annotations

from collections.abc import Callable

from containerflow.runtime.gateway.door import Connect, Door, Resolve
from containerflow.runtime.gateway.pool import Pool
from containerflow.wire.settings import NodeSettings


def open_door(node: NodeSettings, changed: Callable[[], None], *, resolve: Resolve) -> Door:
    """The door of one Executor.

    Args:
        node: The Executor; its `transport` says which way its replicas are reached.
        changed: Called when a replica comes, drains or goes.
        resolve: Finds the addresses of its replicas.
    """
    return Pool(node, connect=_connect(node), resolve=resolve, changed=changed)


def _connect(node: NodeSettings) -> Connect:
    # Imported here because gRPC takes a fifth of a second and 20 MB, and lanes do without.
    if node.transport == "grpc":
        from containerflow.runtime.gateway import grpc_replica

        return grpc_replica.connect
    from containerflow.runtime.gateway import lane_replica

    return lane_replica.connect
