"""Threads that carry out what must be kept off the event loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

__all__ = ["Workers"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class Workers:
    """A queue of work and the threads that take from it.

    The threads are daemons: one that is stuck in somebody's code does not keep the process from
    ending.

    Args:
        count: How many threads; one keeps the order.
    """

    def __init__(self, count: int = 1) -> None:
        self._queue: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, name=f"worker-{index}", daemon=True)
            for index in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def count(self) -> int:
        """How many threads there are."""
        return len(self._threads)

    @property
    def are_alive(self) -> bool:
        """Whether any thread is there to take work."""
        return any(thread.is_alive() for thread in self._threads)

    def put(self, work: Callable[[], object]) -> None:
        """Queue a piece of work; what it raises is logged, and the thread goes on."""
        self._queue.put(work)

    async def call(self, function: Callable[[], T]) -> T:
        """Run a function in a thread and wait for what it returns or raises."""
        result: Future[T] = Future()

        def work() -> None:
            try:
                result.set_result(function())
            except StopIteration as error:
                # The one exception that a coroutine cannot raise.
                wrapped = RuntimeError("StopIteration")
                wrapped.__cause__ = error
                result.set_exception(wrapped)
            except BaseException as error:  # noqa: BLE001 - raised in the one who waits
                result.set_exception(error)

        self.put(work)
        return await asyncio.wrap_future(result)

    def stop(self) -> None:
        """Let each thread end after what is queued before."""
        for _ in self._threads:
            self._queue.put(None)

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            try:
                work()
            except BaseException:
                # What is queued behind it must not wait for ever.
                _logger.exception("A worker thread was left with an exception.")
