"""What the Gateway asks of an Executor, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from containerflow.wire import contract_pb2 as pb


class Door(Protocol):
    """All replicas of one Executor, as one thing to call."""

    @property
    def description(self) -> pb.Description | None:
        """What the Executor serves; None until a replica has said so."""

    @property
    def declared(self) -> int:
        """How many replicas there should be."""

    @property
    def ready(self) -> int:
        """How many replicas take requests now."""

    async def call(self, request: pb.Request) -> pb.Response:
        """Send a request to one replica and wait for its answer, which may be a failure.

        Cancelling the call tells the replica that nobody waits any more.
        """

    async def close(self) -> None:
        """Hang up."""


class Replica(Protocol):
    """One replica, connected. A pool of them makes a Door."""

    @property
    def description(self) -> pb.Description:
        """What it serves."""

    @property
    def outstanding(self) -> int:
        """Requests that it has not answered yet."""

    @property
    def is_ready(self) -> bool:
        """Whether it takes new requests; one that is about to stop does not."""

    @property
    def has_room(self) -> bool:
        """Whether it is ready, and reads fast enough for a request to be sent at once."""

    async def call(self, request: pb.Request) -> pb.Response:
        """Send a request and wait for its answer; raises NotTakenError if it was not taken on."""

    async def gone(self) -> None:
        """Wait until the connection has ended."""

    def close(self) -> None:
        """Hang up."""


class NotTakenError(Exception):
    """The replica has not begun with the request, so another one may have it.

    Args:
        response: How the replica turned it away; None where it never left the Gateway.
    """

    def __init__(self, response: pb.Response | None = None) -> None:
        super().__init__()
        self.response = response


@dataclass(frozen=True, slots=True)
class Address:
    """Where a replica is: an IP address and a port."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


Connect = Callable[[Address, Callable[[], None]], Awaitable[Replica]]
"""Opens a connection and waits until the replica has described itself.

The second argument is called whenever the replica's readiness changes, and when a replica that
had no room has some again. Raises OSError.
"""

Resolve = Callable[[str, int], Awaitable[frozenset[Address]]]
"""All addresses of a DNS name; none where the name is not known (yet)."""
