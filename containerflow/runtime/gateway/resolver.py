"""From a DNS name to the addresses of all replicas behind it."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from containerflow.runtime.gateway.door import Address

PATIENCE_SECONDS = 1.0
"""How long one question waits before the next one may overtake it."""

MOST_OPEN_QUESTIONS = 4
"""For one name; each of them holds a thread."""

_THREADS = 32

_Answer = asyncio.Future[frozenset[Address]]


class Resolver:
    """Asks the system for every address of a name.

    While a Flow starts, its containers' names come up one after the other. A question that comes
    too early may be passed on to a name server that is out of reach, and hang there for seconds:
    so a hanging question does not keep the next one from being asked.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._open: dict[tuple[str, int], set[_Answer]] = {}

    async def __call__(self, host: str, port: int) -> frozenset[Address]:
        """The addresses that are known within PATIENCE_SECONDS; none where the name is unknown.

        Args:
            host: DNS name or IP address.
            port: Put into each address.
        """
        loop = asyncio.get_running_loop()
        questions = self._open.setdefault((host, port), set())
        if len(questions) < MOST_OPEN_QUESTIONS:
            questions.add(loop.run_in_executor(self._threads, _look_up, host, port))
        answered, _ = await asyncio.wait(
            questions, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        questions -= answered
        return frozenset[Address]().union(*(answer.result() for answer in answered))

    def close(self) -> None:
        """Ask nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> frozenset[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        # Not known, or not known yet: /readyz says that the replica is missing.
        return frozenset()
    return frozenset(Address(str(sockaddr[0]), port) for *_, sockaddr in found)
