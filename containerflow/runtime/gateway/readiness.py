"""What `/readyz` says, on HTTP and on the admin port."""

from __future__ import annotations

from typing import Any

from containerflow.runtime.gateway.gateway import Gateway


def readiness(gateway: Gateway) -> dict[str, Any]:
    """Whether callers should send requests, and the replicas of each Executor."""
    return {
        "ready": gateway.is_ready(),
        "services": {
            name: {"replicas": service.replicas, "ready": service.ready}
            for name, service in gateway.services().items()
        },
    }
