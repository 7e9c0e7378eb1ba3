"""What a client asks of the protocol that it speaks."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from containerflow.client.address import Address
from containerflow.client.description import FlowDescription
from containerflow.errors import Code, RequestError

GRACE_SECONDS = 5.0
"""How much longer than the request's deadline a client waits for the Gateway to say so itself."""

QUESTION_SECONDS = 10.0
"""For questions about the Flow itself, which it answers at once."""


class Answer(NamedTuple):
    """The body of an answer, and its codec."""

    codec: int
    body: bytes


class Transport(Protocol):
    """One protocol, connected to one address on one event loop."""

    codec: int
    """The codec that it sends bodies in."""

    async def call(self, endpoint: str, body: bytes, request_id: str, timeout: float) -> Answer:
        """Send a request; a timeout of 0 seconds leaves it to the Flow. Raises RequestError."""

    async def is_ready(self) -> bool:
        """Whether the Flow says that it is ready. Raises RequestError where nobody answers."""

    async def readiness(self) -> dict[str, bool]:
        """Whether each Executor is ready. Raises RequestError where nobody answers."""

    async def describe(self) -> FlowDescription:
        """What the Flow says of itself. Raises RequestError where nobody answers."""

    async def close(self) -> None:
        """Hang up."""


def open_transport(address: Address) -> Transport:
    """The transport for an address; must be called on the loop that it will be used on."""
    # Imported here: a program pays only for the protocol that it speaks.
    if address.protocol == "http":
        from containerflow.client.http_transport import HttpTransport

        return HttpTransport(address)
    from containerflow.client.grpc_transport import GrpcTransport

    return GrpcTransport(address)


def unreachable(address: Address, why: object, request_id: str = "") -> RequestError:
    """The error for an address at which no Gateway answers."""
    return RequestError(
        f"No Flow answers at {address}: {why}. Is it running, and is this its address?",
        code=Code.UNAVAILABLE,
        request_id=request_id,
    )


def other_protocol(address: Address, speaks: str, request_id: str = "") -> RequestError:
    """The error for an address at which something answers in another protocol.

    Args:
        address: Where.
        speaks: What it seems to speak, as it stands in a URL: http or grpc.
        request_id: The request's id.
    """
    return RequestError(
        f"What answers at {address} speaks {speaks}, not {address.protocol}."
        f" Write {speaks}:// before the host, or use the port of the other protocol.",
        code=Code.UNAVAILABLE,
        request_id=request_id,
    )


def too_late(address: Address, timeout: float, request_id: str = "") -> RequestError:
    """The error for a request whose Gateway did not even report the deadline."""
    return RequestError(
        f"{address} did not answer within {timeout:g} seconds. Allow it more time.",
        code=Code.DEADLINE_EXCEEDED,
        request_id=request_id,
    )
