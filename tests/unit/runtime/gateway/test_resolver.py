"""Names and addresses, by the system's own resolver."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from containerflow.runtime.gateway import resolver as module
from containerflow.runtime.gateway.door import Address
from containerflow.runtime.gateway.resolver import MOST_OPEN_QUESTIONS, Resolver


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    one = Resolver()
    yield one
    one.close()


async def test_a_name_gives_all_its_addresses_with_the_port(resolver: Resolver) -> None:
    assert Address("127.0.0.1", 7070) in await resolver("localhost", 7070)
    assert await resolver("127.0.0.1", 7) == {Address("127.0.0.1", 7)}


async def test_a_name_that_is_unknown_gives_none(resolver: Resolver) -> None:
    assert await resolver("nobody.invalid", 7070) == frozenset()
    assert await resolver("x" * 64, 7070) == frozenset()


async def test_a_hanging_question_does_not_hold_up_the_next(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    asked: list[str] = []

    def slow_at_first(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        if len(asked) == 1:
            hangs.wait(30)
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", slow_at_first)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.02)
    assert await resolver("late", 7) == frozenset()
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 30)
    assert await resolver("late", 7) == {Address("10.0.0.1", 7)}
    hangs.set()


async def test_hanging_questions_are_few(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    asked: list[str] = []

    def hang(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        hangs.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    await asyncio.gather(*(resolver("late", 7) for _ in range(3 * MOST_OPEN_QUESTIONS)))
    assert len(asked) == MOST_OPEN_QUESTIONS
    hangs.set()


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    assert str(Address("::1", 7)) == "[::1]:7"
    assert str(Address("10.0.0.1", 7)) == "10.0.0.1:7"
