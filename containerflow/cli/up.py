"""`cflow up`: a Flow in the background."""

from __future__ import annotations

import click

from containerflow.cli.arguments import (
    context_option,
    flow_file,
    name_option,
    port_option,
    quiet_option,
    rebuild_options,
)

__all__ = ["up"]


@click.command(short_help="Start a Flow and leave it running.")
@flow_file
@name_option
@port_option
@context_option
@rebuild_options
@quiet_option
def up(
    source: str,
    name: str | None,
    ports: tuple[int, ...],
    context: dict[str, str],
    images: str,
    quiet: bool,
) -> None:
    """Build what has changed in FLOW, start it, wait until it is ready, and leave it running.

    `cflow down` stops it; until then it also outlives a restart of this shell. With --quiet the
    containers log errors only, and nothing but errors is printed.

    \b
    Example:
      cflow up flow.yml
      cflow down flow.yml
    """
    from containerflow.api.interrupts import Flag, Interrupts
    from containerflow.api.panel import show_panel
    from containerflow.cli.declared import declare, provide_images
    from containerflow.engine.connection import connect
    from containerflow.targets import docker
    from containerflow.terminal import terminal_progress

    declared = declare(source, context, name=name, ports=ports, quiet=quiet)
    silent = bool(declared.spec.quiet)
    progress = terminal_progress(quiet=silent)
    engine = connect()
    plan = provide_images(declared, engine, progress, images)
    interrupts, cancelled = Interrupts(), Flag()
    interrupts.install()
    try:
        with interrupts.starting(cancelled):
            deployment = docker.up(
                plan,
                engine,
                progress,
                root=declared.root,
                owner=docker.Owner.detached(),
                cancelled=cancelled,
            )
            deployment.release()
    finally:
        interrupts.restore()
    if silent:
        return
    show_panel(declared.spec, deployment.addresses)
    progress.say(
        f"`cflow logs {plan.name}` shows what it prints, `cflow down {plan.name}` stops it."
    )
