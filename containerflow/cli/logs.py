"""`cflow logs`: what a Flow's containers print."""

from __future__ import annotations

import click

from containerflow.cli.arguments import flow_name

__all__ = ["logs"]

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow")


@click.command(short_help="Print what a Flow's containers print.")
@click.argument("flow")
@click.argument("service", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until interrupted.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last N lines of each.")
def logs(flow: str, service: str | None, follow: bool, tail: int | None) -> None:
    """Print the logs of FLOW, a name or a flow.yml: of all its containers, or of one SERVICE.

    \b
    Example:
      cflow logs search
      cflow logs search rank --follow --tail 20
    """
    from containerflow.engine.connection import connect
    from containerflow.targets import docker

    colours: dict[str, str] = {}
    for line in docker.logs(connect(), flow_name(flow), service, follow=follow, tail=tail):
        colour = colours.setdefault(line.container, _COLOURS[len(colours) % len(_COLOURS)])
        click.echo(f"{click.style(line.container, fg=colour)} | {line.text}")
