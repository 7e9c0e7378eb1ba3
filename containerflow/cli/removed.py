"""What was removed, told to people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from containerflow.targets.docker import Removed

__all__ = ["tell_removed"]


def tell_removed(removed: Removed) -> None:
    """Print one line for each container, network and volume that was removed."""
    for kind, names in (
        ("container", removed.containers),
        ("network", removed.networks),
        ("volume", removed.volumes),
    ):
        for name in names:
            click.echo(f"Removed {kind} {name}")
