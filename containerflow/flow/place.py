"""Where a piece of a declaration stands in the text that it was read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The way to a piece: keys and indices from the root."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a text; line and column count from 1, and are 0 where there is no text."""

    source: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.source, self.line, self.column) if part)


Locate = Callable[[Path, bool], Mark]
"""Where a piece stands; whether its key is meant, not its value."""


def nowhere(path: Path, key: bool) -> Mark:  # noqa: ARG001
    """The place of what was never text."""
    return Mark()
