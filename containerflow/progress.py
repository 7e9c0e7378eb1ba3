"""How long work tells about itself, without knowing who listens.

Rooms that do long work take a `Progress`; the terminal's own way of showing it lives in `cli`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["Progress", "Silent", "Step"]


class Step(Protocol):
    """One piece of work that is under way."""

    def note(self, text: str) -> None:
        """Say what is going on inside the step; the newest note replaces the one before."""


class Progress(Protocol):
    """Someone who wants to know of long work. Called from several threads at once."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """Open a step; it is done when the context ends, and failed when it ends by an error."""

    def say(self, text: str) -> None:
        """One line that stays."""


class _SilentStep:
    def note(self, text: str) -> None:
        """Nobody listens."""


class Silent:
    """A Progress that tells no one."""

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:  # noqa: ARG002
        """Do the work quietly."""
        yield _SilentStep()

    def say(self, text: str) -> None:
        """Nobody listens."""
