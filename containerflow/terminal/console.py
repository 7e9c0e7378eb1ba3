"""Where output goes, and what that place can show."""

from __future__ import annotations

import sys
from typing import TextIO

from rich.console import Console

__all__ = ["console_for", "duration", "is_live", "symbols"]


def console_for(file: TextIO | None = None) -> Console:
    """A console on `file`, by default on standard error, so that standard output stays clean.

    Args:
        file: An open text stream.

    Returns:
        A console that neither colours numbers by itself nor reads markup or emoji codes in text.
    """
    return Console(
        file=file if file is not None else sys.stderr, highlight=False, markup=False, emoji=False
    )


def is_live(console: Console) -> bool:
    """Whether lines can be drawn over: a real terminal, and not a dumb one.

    `FORCE_COLOR` alone does not make a log file one that can be drawn over, so the stream is asked.
    """
    return console.file.isatty() and not console.is_dumb_terminal


def symbols(console: Console) -> tuple[str, str, str]:
    """The marks for done, failed and interrupted, in characters that the stream can encode."""
    marks = ("✓", "✗", "■")
    try:
        "".join(marks).encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        return ("ok", "failed", "stopped")
    return marks


def duration(seconds: float) -> str:
    """A length of time for people.

    Example:
        >>> duration(0.042), duration(3.26), duration(75)
        ('42 ms', '3.3 s', '1 min 15 s')
    """
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
