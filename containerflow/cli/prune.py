"""`cflow prune`: clean up after Flows whose starter died."""

from __future__ import annotations

import click

__all__ = ["prune"]


@click.command(short_help="Remove what Flows left whose starter died.")
def prune() -> None:
    """Remove containers and networks of Flows whose starting process has died.

    A Flow of `cflow up` has no process to die and stays, as do all named volumes. What does not
    carry the label io.containerflow.flow is never touched.

    \b
    Example:
      cflow prune
    """
    from containerflow.cli.removed import tell_removed
    from containerflow.engine.connection import connect
    from containerflow.targets import docker

    removed = docker.prune(connect())
    tell_removed(removed)
    if not removed:
        click.echo("Nothing to remove.")
