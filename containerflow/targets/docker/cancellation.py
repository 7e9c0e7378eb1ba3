"""How a handler of signals tells work that is under way to end."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Cancellation", "raise_if_cancelled"]


class Cancellation(Protocol):
    """Something that is set once, such as an event of threading.

    It is only ever looked at: a handler of signals runs within the main thread, and would wait for
    ever for the lock that this thread holds while it waits on an event.
    """

    def is_set(self) -> bool:
        """Whether the work is to end."""


def raise_if_cancelled(cancelled: Cancellation) -> None:
    """Raise KeyboardInterrupt once `cancelled` is set."""
    if cancelled.is_set():
        raise KeyboardInterrupt
