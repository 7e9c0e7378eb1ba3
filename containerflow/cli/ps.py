"""`cflow ps`: which containers of Flows there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from containerflow.cli.arguments import flow_name

if TYPE_CHECKING:
    from containerflow.targets.docker import ContainerStatus

__all__ = ["ps"]


@click.command(short_help="List the containers of Flows.")
@click.argument("flow", required=False)
def ps(flow: str | None) -> None:
    """List the containers of FLOW, a name or a flow.yml; without it, those of every Flow.

    \b
    Example:
      cflow ps
      cflow ps search
    """
    from containerflow.cli.table import print_table
    from containerflow.engine.connection import connect
    from containerflow.targets import docker

    found = docker.ps(connect(), flow_name(flow) if flow else None)
    if not found:
        click.echo("No containers.")
        return
    print_table(
        ["FLOW", "CONTAINER", "STATUS", "PORTS", "STARTED BY"],
        [[one.flow, one.name, one.status, ports(one), starter(one)] for one in found],
        whole=["FLOW", "CONTAINER"],
    )


def ports(container: ContainerStatus) -> str:
    """The published ports, as `127.0.0.1:8080->8080`; `-` for none."""
    published = sorted({(one.address, one.published, one.container) for one in container.ports})
    return ", ".join(f"{host}:{port}->{inner}" for host, port, inner in published) or "-"


def starter(container: ContainerStatus) -> str:
    """Who answers for the container: `cflow up`, a process, or `?` where that cannot be told.

    A process that has died is marked: `cflow prune` removes what it left.
    """
    if container.owner is None:
        return "?"
    if container.owner.is_detached:
        return "cflow up"
    dead = " (dead)" if container.owner.state == "dead" else ""
    return f"{container.owner}{dead}"
