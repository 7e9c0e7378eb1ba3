"""Names that more than one room must spell alike."""

from __future__ import annotations

from typing import Final

__all__ = [
    "EXECUTORS_METADATA",
    "FALLBACK_ENDPOINT",
    "GATEWAY",
    "REQUEST_ID_HEADER",
    "TIMEOUT_HEADER",
]

FALLBACK_ENDPOINT: Final = "/default"
"""The endpoint that serves every endpoint without a handler of its own."""

GATEWAY: Final = "gateway"
"""The Gateway's name among a Flow's services."""

REQUEST_ID_HEADER: Final = "X-Request-ID"
"""HTTP header with a request's id, in and out."""

TIMEOUT_HEADER: Final = "X-Request-Timeout"
"""HTTP header with the seconds that the caller waits."""

EXECUTORS_METADATA: Final = "containerflow-executors"
"""gRPC metadata key beside a Gateway's Describe: its Executors' names, separated by commas."""
