"""Where a Flow is, and how it is spoken to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from containerflow.errors import DefinitionError

Protocol = Literal["http", "grpc"]

_SCHEMES: dict[str, tuple[Protocol, bool]] = {
    "http": ("http", False),
    "https": ("http", True),
    "grpc": ("grpc", False),
    "grpcs": ("grpc", True),
}
_GATEWAY_PORTS: dict[Protocol, int] = {"http": 8080, "grpc": 50051}
_URL_PORTS = {"http": 80, "https": 443, "grpc": 50051, "grpcs": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """A Flow's public door.

    Attributes:
        protocol: What is spoken there.
        host: DNS name or IP address, without brackets.
        port: TCP port.
        tls: Whether the connection is encrypted.
        path: What stands before the endpoints in a URL; empty, or "/prefix".
    """

    protocol: Protocol
    host: str
    port: int
    tls: bool = False
    path: str = ""

    @property
    def target(self) -> str:
        """Host and port, as gRPC takes them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.protocol}{'s' if self.tls else ''}://{self.target}{self.path}"


def parse_address(
    host: str = "localhost",
    *,
    port: int | None = None,
    protocol: str | None = None,
    tls: bool = False,
) -> Address:
    """An address from what a caller writes.

    Args:
        host: "localhost", "localhost:8080", or a URL whose scheme is http, https, grpc or grpcs.
        port: Where `host` has none; else the Gateway's usual port, or a URL's usual port.
        protocol: "http" or "grpc" (the default) where `host` is not a URL.
        tls: Whether the connection is encrypted; a URL's scheme may say so too.

    Raises:
        DefinitionError: The parts contradict each other, or are not an address.

    Example:
        >>> str(parse_address("localhost", protocol="http"))
        'http://localhost:8080'
        >>> parse_address("grpcs://search.example").target
        'search.example:443'
    """
    url = urlsplit(host if "://" in host else f"//{host}")
    name, own_port = _host_and_port(url, host)
    if url.scheme and url.scheme not in _SCHEMES:
        raise DefinitionError(
            f"A client does not speak {url.scheme!r} ({host}).",
            remedy=f"Use one of {', '.join(_SCHEMES)}.",
        )
    if protocol is not None and protocol not in _GATEWAY_PORTS:
        raise DefinitionError(
            f"A client does not speak {protocol!r}.",
            remedy=f"Use one of {', '.join(_GATEWAY_PORTS)}.",
        )
    spoken, encrypted = _SCHEMES.get(url.scheme, (protocol or "grpc", tls))
    if protocol is not None and protocol != spoken:
        raise DefinitionError(
            f"The host {host} says {spoken}, and protocol says {protocol}.",
            remedy="Leave protocol out, or the scheme.",
        )
    if own_port and port and own_port != port:
        raise DefinitionError(
            f"The host {host} says port {own_port}, and port says {port}.",
            remedy="Leave one of them out.",
        )
    usual = _URL_PORTS[url.scheme] if url.scheme else _GATEWAY_PORTS[spoken]
    return Address(
        protocol=spoken,
        host=name,
        port=port or own_port or usual,
        tls=encrypted or tls,
        path=url.path.rstrip("/"),
    )


def _host_and_port(url: SplitResult, text: str) -> tuple[str, int | None]:
    try:
        if not url.hostname:
            raise ValueError("it has no host")
        return url.hostname, url.port
    except ValueError as error:
        raise DefinitionError(
            f"{text!r} is not an address: {error}.",
            remedy="Write it as localhost:8080 or http://localhost:8080.",
        ) from error
