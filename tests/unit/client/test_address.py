"""Where a client looks for a Flow."""

from __future__ import annotations

import pytest

from containerflow.client.address import Address, parse_address
from containerflow.errors import DefinitionError


@pytest.mark.parametrize(
    ("host", "options", "expected"),
    [
        ("localhost", {}, Address("grpc", "localhost", 50051)),
        ("localhost", {"protocol": "http"}, Address("http", "localhost", 8080)),
        ("localhost", {"port": 1234}, Address("grpc", "localhost", 1234)),
        ("localhost:1234", {"protocol": "http"}, Address("http", "localhost", 1234)),
        ("localhost", {"tls": True}, Address("grpc", "localhost", 50051, tls=True)),
        ("http://h:5", {}, Address("http", "h", 5)),
        ("http://h", {}, Address("http", "h", 80)),
        ("https://h", {}, Address("http", "h", 443, tls=True)),
        ("https://h/flows/a/", {}, Address("http", "h", 443, tls=True, path="/flows/a")),
        ("grpc://h:5", {"protocol": "grpc"}, Address("grpc", "h", 5)),
        ("grpcs://h", {}, Address("grpc", "h", 443, tls=True)),
        ("grpc://h", {"port": 7}, Address("grpc", "h", 7)),
        ("http://[::1]:5", {}, Address("http", "::1", 5)),
    ],
)
def test_addresses_are_read(host: str, options: dict[str, object], expected: Address) -> None:
    assert parse_address(host, **options) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "options", "fault"),
    [
        ("ftp://h", {}, "ftp"),
        ("http://h", {"protocol": "grpc"}, "says http, and protocol says grpc"),
        ("http://h:5", {"port": 6}, "says port 5, and port says 6"),
        ("localhost", {"protocol": "websocket"}, "websocket"),
        ("http://", {}, "not an address"),
        ("", {}, "not an address"),
        ("localhost:port", {}, "not an address"),
    ],
)
def test_what_is_no_address_is_an_error_that_says_why(
    host: str, options: dict[str, object], fault: str
) -> None:
    with pytest.raises(DefinitionError, match=fault):
        parse_address(host, **options)  # type: ignore[arg-type]


def test_an_address_is_shown_as_a_url() -> None:
    assert str(parse_address("https://[::1]/x")) == "https://[::1]:443/x"
    assert str(parse_address()) == "grpc://localhost:50051"
