"""Clients of a running Flow: `Client`, and `AsyncClient` for asyncio.

Example:
    ::

        from containerflow import Client

        with Client("http://localhost:8080") as client:
            docs = client.post("/search", {"text": "hello"})
"""

from __future__ import annotations

from containerflow.client.async_client import AsyncClient
from containerflow.client.description import EndpointDescription, FlowDescription
from containerflow.client.sync_client import Client

__all__ = ["AsyncClient", "Client", "EndpointDescription", "FlowDescription"]
