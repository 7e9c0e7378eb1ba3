"""How a process of the runtime begins and ends: its event loop, its signals, its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvloop

__all__ = ["Main", "run"]

Main = Callable[[asyncio.Event], Coroutine[Any, Any, int]]
"""What a process does: it is given the event that asks it to stop, and returns its exit code."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run(main: Main, *, exit_seconds: float = 5.0) -> int:
    """Run a process of the runtime on uvloop until its work ends.

    The first SIGTERM or SIGINT sets the event that `main` was given; a second one ends the process
    at once, with the exit code that a shell gives to a process that the signal ended.

    gRPC must not be imported before: whether it supports forks is read at its import, and that
    support costs each call time.

    Args:
        main: The work.
        exit_seconds: After `main` has returned, how long what is left (threads in a handler that
            never ends, gRPC's own threads) may delay the exit, in seconds.

    Returns:
        The exit code that `main` returned.

    Example:
        >>> async def main(stop):
        ...     return 0
        >>> run(main)
        0
    """
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    finished = threading.Event()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(_with_signals(main))
        _leave_after(exit_seconds, code, finished)
    finished.set()
    return code


async def _with_signals(main: Main) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            _exit_now(128 + number)
        stop.set()

    # Python takes signals in the main thread alone; elsewhere (a test) the event is set by hand.
    handled = _STOP_SIGNALS if threading.current_thread() is threading.main_thread() else ()
    for number in handled:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await main(stop)
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


def _exit_now(code: int) -> None:
    """End the process now, without waiting for threads that are stuck in somebody's handler."""
    _flush()
    os._exit(code)


def _leave_after(seconds: float, code: int, finished: threading.Event) -> None:
    # Closing the loop joins the default executor and cancels tasks, and grpc.aio is known to hang
    # there; a process that has done its work must not stay for that.
    def leave() -> None:
        if not finished.wait(seconds):
            _exit_now(code)

    threading.Thread(target=leave, name="exit", daemon=True).start()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
