"""Interrupts and requests to end, while a Flow runs."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn, Protocol

__all__ = ["Flag", "Interrupts"]

_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


_PATIENCE_SECONDS = 20.0
"""How long a removal that has been hurried may take before one more signal gives it up: an engine
that answers is done much sooner."""


class Settable(Protocol):
    """Something that a handler of signals sets, once."""

    def set(self) -> None:
        """Have it happen."""


class Flag:
    """An event that has no lock, so that a handler of signals may set it at any moment.

    A handler runs within the main thread. Where that waits on an event of threading, it holds the
    event's lock, for which the handler would wait for ever.
    """

    __slots__ = ("_is_set",)

    def __init__(self) -> None:
        self._is_set = False

    def set(self) -> None:
        """Have it happen."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set


class Interrupts:
    """Turns SIGINT, SIGTERM and SIGHUP into an orderly end, as long as a Flow runs.

    Between the phases below a signal raises in the main thread: KeyboardInterrupt for SIGINT,
    SystemExit with 128 + its number for the others, so that `with` blocks unwind. Signals that the
    program handles or ignores by itself are left to it. Handlers are installed in the main thread
    only, which is the only one that Python runs them in.
    """

    def __init__(self) -> None:
        self._count = 0
        self._pending: int | None = None
        self._absorb: Callable[[int, int], bool] | None = None
        self._active = False
        self._previous: dict[int, Any] = {}
        self._handler = self._handle

    def install(self) -> None:
        """Take over; does nothing outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._active = True
        for number in _SIGNALS:
            current = signal.getsignal(number)
            if current in (signal.SIG_DFL, signal.default_int_handler) or _is_ours(current):
                self._previous[number] = current
                signal.signal(number, self._handler)

    def restore(self) -> None:
        """Give back what was taken over; the handlers of a Flow that started later stay."""
        self._active = False
        if threading.current_thread() is not threading.main_thread():
            # Handlers cannot be changed here; ours passes every signal on from now on.
            return
        for number, previous in self._previous.items():
            if signal.getsignal(number) == self._handler:
                signal.signal(number, _alive(number, previous))

    @contextmanager
    def starting(self, cancelled: Settable) -> Iterator[None]:
        """Set `cancelled` at the first signal, and raise that one at the end.

        Further signals change nothing: a start that is cancelled removes what it has made as fast
        as it can, and must not be torn out of that. Only where it has taken so long that the
        engine must be hanging, one more signal raises.

        A KeyboardInterrupt that ends the phase because `cancelled` was set becomes what the signal
        itself raises.
        """
        patience = _Patience()

        def absorb(number: int, count: int) -> bool:  # noqa: ARG001
            if patience.has_begun:
                return not patience.is_over
            # First of all, because a second signal may come within this very handler.
            patience.begin()
            self._pending = number
            cancelled.set()
            return True

        try:
            yield from self._phase(absorb)
        except KeyboardInterrupt:
            self._raise_pending()
            raise

    @contextmanager
    def blocking(self, stop: Flag) -> Iterator[None]:
        """Set `stop` at the first signal, which is dealt with by that; the second one raises."""

        def absorb(number: int, count: int) -> bool:  # noqa: ARG001
            first = not stop.is_set()
            stop.set()
            return first

        if threading.current_thread() is not threading.main_thread():
            # A signal is for the main thread, which is busy with something else.
            yield
            return
        yield from self._phase(absorb)

    @contextmanager
    def closing(self, hurry: Settable) -> Iterator[None]:
        """Go on at the first signal of all, and raise it at the end; set `hurry` at the second.

        Further signals change nothing, for what is left is being killed by then; only where that
        takes so long that the engine must be hanging, one more signal raises.
        """
        patience = _Patience()

        def absorb(number: int, count: int) -> bool:
            if count == 1:
                self._pending = number
                return True
            if patience.has_begun:
                return not patience.is_over
            patience.begin()
            hurry.set()
            return True

        yield from self._phase(absorb)

    def _phase(self, absorb: Callable[[int, int], bool]) -> Iterator[None]:
        self._absorb = absorb
        try:
            yield
        finally:
            self._absorb = None
        self._raise_pending()

    def _raise_pending(self) -> None:
        """Raise for a signal that was put off."""
        if self._pending is not None:
            number, self._pending = self._pending, None
            _raise(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._active:
            self._pass_on(number, frame)
            return
        self._count += 1
        # Its own number, because the next signal may come within this handler.
        count = self._count
        if self._absorb is None or not self._absorb(number, count):
            _raise(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        previous = self._previous[number]
        if callable(previous):
            previous(number, frame)
            return
        signal.signal(number, previous)
        os.kill(os.getpid(), number)


class _Patience:
    """How long signals are put off once somebody is in a hurry."""

    def __init__(self) -> None:
        self._since = 0.0
        self.has_begun = False

    def begin(self) -> None:
        self._since = time.monotonic()
        self.has_begun = True

    @property
    def is_over(self) -> bool:
        return time.monotonic() - self._since > _PATIENCE_SECONDS


def _is_ours(handler: object) -> bool:
    return isinstance(getattr(handler, "__self__", None), Interrupts)


def _alive(number: int, handler: Any) -> Any:
    """The handler, or what it took over from where its Flow has been closed meanwhile."""
    while _is_ours(handler) and not handler.__self__._active:
        handler = handler.__self__._previous[number]
    return handler


def _raise(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
