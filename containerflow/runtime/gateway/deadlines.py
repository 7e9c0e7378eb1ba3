"""Ends requests whose time is up, with one timer for all of them.

A timer of its own for each request costs more than the rest of its bookkeeping, and nearly every
one is thrown away unused. Here one timer waits for the earliest deadline that is known.
"""

from __future__ import annotations

import asyncio


class Deadline:
    """One request's end: cancels `task` at `at` unless it is removed before.

    Attributes:
        task: Who is cancelled.
        at: When, in the event loop's time, in seconds.
        passed: Whether that has happened.
    """

    __slots__ = ("at", "passed", "task")

    def __init__(self, task: asyncio.Task[object], at: float) -> None:
        self.task = task
        self.at = at
        self.passed = False


class Deadlines:
    """The deadlines of all requests in flight."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, deadline: Deadline) -> None:
        """Watch a deadline."""
        self._waiting.add(deadline)
        if deadline.at < self._timer_at:
            self._set_timer(deadline.at)

    def remove(self, deadline: Deadline) -> None:
        """The request has ended by itself."""
        self._waiting.discard(deadline)

    def close(self) -> None:
        """Cancel no one any more."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._on_timer)

    def _on_timer(self) -> None:
        now = self._loop.time()
        self._timer, self._timer_at = None, float("inf")
        due = [waiting for waiting in self._waiting if waiting.at <= now]
        for deadline in sorted(due, key=lambda one: one.at):
            self._waiting.discard(deadline)
            deadline.passed = True
            deadline.task.cancel()
        earliest = min((waiting.at for waiting in self._waiting), default=None)
        if earliest is not None:
            self._set_timer(earliest)
