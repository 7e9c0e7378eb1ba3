"""A Progress for people: live lines on a terminal, plain lines in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from containerflow.progress import Progress, Silent, Step
from containerflow.terminal.console import console_for, duration, is_live, symbols

__all__ = ["terminal_progress"]


def terminal_progress(file: TextIO | None = None, quiet: bool = False) -> Progress:
    """Show long work on `file`.

    Args:
        file: An open text stream; standard error by default.
        quiet: Show nothing.

    Returns:
        A Progress that redraws its lines where `file` is a terminal, and writes a line at the
        start and the end of each step where it is not. Both may be used from several threads.

    Example:
        >>> import sys
        >>> with terminal_progress(sys.stdout).step("Copying files") as step:  # doctest: +ELLIPSIS
        ...     step.note("a.txt")
        Copying files
        Copying files: done in ...
    """
    if quiet:
        return Silent()
    console = console_for(file)
    return _Live(console) if is_live(console) else _Plain(console)


class _Running:
    """A step that is under way."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.text = ""
        self.began = time.monotonic()

    def note(self, text: str) -> None:
        """Replace the newest note; only its last line that is not blank is shown."""
        lines = text.strip().splitlines()
        self.text = lines[-1].strip() if lines else ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began


class _Plain:
    """One line when a step starts, one when it ends. Notes are left out: they would flood a log."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        running = _Running(title)
        self.say(title)
        try:
            yield running
        except Exception:
            self.say(f"{title}: failed after {duration(running.seconds)}")
            raise
        except BaseException:
            self.say(f"{title}: interrupted after {duration(running.seconds)}")
            raise
        self.say(f"{title}: done in {duration(running.seconds)}")

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


class _Live:
    """Spinners for the steps under way, below the lines of those that have ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._done, self._failed, self._stopped = symbols(console)
        # Guards the list and the display's start and stop. The display's own thread draws under
        # a lock of its own, so it reads the list without ours: the tuple is replaced, not changed.
        self._lock = threading.Lock()
        self._running: tuple[_Running, ...] = ()
        self._display: Live | None = None
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        running = _Running(title)
        self._enter(running)
        try:
            yield running
        except Exception:
            self._leave(running, self._failed, "red")
            raise
        except BaseException:
            self._leave(running, self._stopped, "yellow")
            raise
        self._leave(running, self._done, "green")

    def say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _enter(self, running: _Running) -> None:
        with self._lock:
            self._running = (*self._running, running)
            if self._display is None:
                self._display = Live(
                    get_renderable=self._draw,
                    console=self._console,
                    refresh_per_second=10,
                    transient=True,
                    # What others print meanwhile is theirs to place; only stderr is ours.
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._display.start()

    def _leave(self, running: _Running, mark: str, style: str) -> None:
        line = Text.assemble(
            (mark, style), " ", running.title, (f"  {duration(running.seconds)}", "dim")
        )
        with self._lock:
            self._running = tuple(other for other in self._running if other is not running)
            if not self._running and self._display is not None:
                self._display.stop()
                self._display = None
            self._console.print(line, soft_wrap=True)

    def _draw(self) -> Table:
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
        table.add_column(no_wrap=True, justify="right", style="dim")
        for running in self._running:
            table.add_row(
                self._spinner,
                Text(running.title),
                Text(f" {running.text}"),
                f"{running.seconds:.0f} s",
            )
        return table
