"""Calls to the engine that run side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping

__all__ = ["Batch", "raise_first"]

_WORKERS = 32


class Batch:
    """Named jobs that run side by side, and what became of each.

    The threads are daemons, so that an engine that hangs cannot hold up the end of the program.
    Where no thread can be started any more (the interpreter is about to end), the caller's own
    thread does the jobs one after the other.

    Args:
        jobs: What to run, by name.

    Example:
        >>> batch = Batch({"a": lambda: None, "b": lambda: int("x")})
        >>> batch.run()
        {'a': None, 'b': ValueError("invalid literal for int() with base 10: 'x'")}
    """

    def __init__(self, jobs: Mapping[str, Callable[[], object]]) -> None:
        self._waiting: queue.SimpleQueue[tuple[str, Callable[[], object]]] = queue.SimpleQueue()
        for name, job in jobs.items():
            self._waiting.put((name, job))
        self._unfinished = set(jobs)
        self._changed = threading.Condition()
        self.results: dict[str, Exception | None] = {}

    def start(self) -> None:
        """Begin; returns at once, unless no thread can be started."""
        for number in range(min(len(self._unfinished), _WORKERS)):
            thread = threading.Thread(target=self._work, name=f"cflow-batch-{number}", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                self._work()
                return

    def cancel(self) -> None:
        """Drop the jobs that have not begun."""
        while True:
            try:
                name, _ = self._waiting.get_nowait()
            except queue.Empty:
                return
            self._finish(name, None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for all jobs.

        Args:
            timeout: Seconds; None for as long as it takes.

        Returns:
            Whether all of them have ended.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._unfinished, timeout)

    def wait_for(self, name: str, timeout: float) -> bool:
        """Wait for one job, for at most `timeout` seconds; whether it has ended."""
        with self._changed:
            return self._changed.wait_for(lambda: name not in self._unfinished, timeout)

    def run(self) -> dict[str, Exception | None]:
        """Begin, wait, and return what each job raised."""
        self.start()
        self.wait()
        return self.results

    def _work(self) -> None:
        while True:
            try:
                name, job = self._waiting.get_nowait()
            except queue.Empty:
                return
            error: Exception | None = None
            try:
                job()
            except Exception as caught:  # noqa: BLE001 - handed to whoever asks for the result
                error = caught
            self._finish(name, error)

    def _finish(self, name: str, error: Exception | None) -> None:
        with self._changed:
            self.results[name] = error
            self._unfinished.discard(name)
            self._changed.notify_all()


def raise_first(results: Mapping[str, Exception | None]) -> None:
    """Raise the first failure among the results of a batch, which may still be running."""
    for error in tuple(results.values()):
        if error is not None:
            raise error
