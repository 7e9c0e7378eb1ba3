"""The Gateway's doors."""

from __future__ import annotations

from typing import Any

import pytest

from containerflow.errors import PlanError
from containerflow.plan.model import Port
from tests.unit.plan.flows import plan


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [(50051, 50051, "grpc")]),
        ({"protocol": "http"}, [(8080, 8080, "http")]),
        ({"protocol": "http", "port": 12345}, [(12345, 12345, "http")]),
        ({"protocol": "http", "port": 0}, [(8080, 0, "http")]),
        ({"protocol": "http", "port": 80}, [(8080, 80, "http")]),
        ({"protocol": "http", "port": 1023}, [(8080, 1023, "http")]),
        ({"protocol": "http", "port": 1024}, [(1024, 1024, "http")]),
        ({"port": 0}, [(50051, 0, "grpc")]),
        ({"protocol": ["grpc", "http"]}, [(50051, 50051, "grpc"), (8080, 8080, "http")]),
        (
            {"protocol": ["http", "grpc"], "port": [0, 0]},
            [(8080, 0, "http"), (50051, 0, "grpc")],
        ),
        (
            {"protocol": ["http", "grpc"], "port": [80, 443]},
            [(8080, 80, "http"), (50051, 443, "grpc")],
        ),
    ],
)
def test_where_the_gateway_listens_and_is_published(
    options: dict[str, Any], expected: list[tuple[int, int, str]]
) -> None:
    ports = plan(**options).gateway.ports
    assert [(port.container, port.published, port.protocol) for port in ports] == expected
    assert {port.address for port in ports} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("host", "address"),
    [("0.0.0.0", "0.0.0.0"), ("localhost", "127.0.0.1"), ("::1", "::1"), ("10.0.0.7", "10.0.0.7")],
)
def test_the_host_says_where_to_publish(host: str, address: str) -> None:
    assert plan(host=host).gateway.ports == (Port(50051, 50051, address, "grpc"),)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"protocol": ["http", "grpc"], "port": 80}, "speaks 2 protocols .* `port` has 1"),
        ({"port": [1, 2]}, "speaks 1 protocols"),
        ({"port": 9464}, "its probe and its metrics"),
        ({"protocol": ["http", "grpc"], "port": [9000, 9000]}, "on one port, 9000"),
        ({"protocol": ["http", "grpc"], "port": [50051, 0]}, "on one port, 50051"),
        ({"protocol": ["http", "grpc"], "port": [80, 80]}, "Port 80 would be published"),
        ({"host": "example.org"}, "published on an address"),
    ],
)
def test_doors_that_cannot_be_are_an_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words) as caught:
        plan(**options)
    assert caught.value.remedy


def test_executors_publish_nothing() -> None:
    assert [service.ports for service in plan({}, {}).services[1:]] == [(), ()]
