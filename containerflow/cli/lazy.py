"""A click group that imports a command's module only when that command is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

__all__ = ["LazyGroup", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is defined, and what the group's own help says of it.

    Args:
        module: The module to import.
        attribute: The command's name in it.
        summary: One line, so that listing the commands imports none of them.
    """

    module: str
    attribute: str
    summary: str


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, or asked for their own help.

    Args:
        places: Command name to where it is defined, in the order in which help lists them.
        attrs: What `click.Group` takes.
    """

    def __init__(self, *, places: Mapping[str, Place], **attrs: Any) -> None:
        super().__init__(**attrs)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands' names, in declared order."""
        return list(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command of that name; None where there is none."""
        place = self.places.get(cmd_name)
        if place is None:
            return None
        command = getattr(import_module(place.module), place.attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in self.places.items()])
