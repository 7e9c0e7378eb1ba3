"""`cflow down`: stop a Flow and remove what it was made of."""

from __future__ import annotations

import click

from containerflow.cli.arguments import flow_name, quiet_option
from containerflow.errors import ContainerflowError

__all__ = ["down"]


@click.command(short_help="Stop and remove a Flow that `up` started.")
@click.argument("flow", default="flow.yml")
@click.option("--volumes", is_flag=True, help="Remove its named volumes and what they hold, too.")
@quiet_option
def down(flow: str, volumes: bool, quiet: bool) -> None:
    """Stop FLOW, a name or a flow.yml, and remove its containers and network.

    The Gateway finishes the requests that it has before its Executors stop. Named volumes stay,
    so that the next start finds them, unless --volumes is given.

    \b
    Example:
      cflow down search
      cflow down flow.yml --volumes
    """
    from containerflow.cli.removed import tell_removed
    from containerflow.engine.connection import connect
    from containerflow.targets import docker
    from containerflow.terminal import terminal_progress

    name = flow_name(flow)
    engine = connect()
    with terminal_progress(quiet=quiet).step(f"Stopping Flow {name}"):
        removed = docker.down(engine, name, volumes=volumes)
        if not removed:
            raise ContainerflowError(
                f"No Flow named '{name}' is in the engine.",
                remedy="`cflow ps` lists those that are.",
            )
    tell_removed(removed)
