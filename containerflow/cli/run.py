"""`cflow run` and `cflow flow`: a Flow in the foreground."""

from __future__ import annotations

import sys

import click

from containerflow.cli.arguments import (
    context_option,
    flow_file,
    name_option,
    port_option,
    quiet_option,
    rebuild_options,
)

__all__ = ["flow", "run"]


@click.command(short_help="Run a Flow until it is interrupted.")
@flow_file
@name_option
@port_option
@context_option
@rebuild_options
@quiet_option
def run(
    source: str,
    name: str | None,
    ports: tuple[int, ...],
    context: dict[str, str],
    images: str,
    quiet: bool,
) -> None:
    """Build what has changed in FLOW, start it, and serve until Ctrl-C or SIGTERM.

    Then its containers and its network are removed; named volumes stay. A second Ctrl-C kills
    what is still stopping. The exit code is 0 for a Flow that was ready and was stopped, 130
    (Ctrl-C) or 143 (SIGTERM) for one that was interrupted while it started, and 1 for one that
    failed.

    \b
    Example:
      cflow run flow.yml
      cflow run flow.yml --port 0 --name test --context model=small
    """
    _serve(source, name, ports, context, images, quiet)


@click.command(short_help="The same as run, spelled as Jina spells it.")
@click.option("--uses", "source", default="flow.yml", metavar="FLOW", help="The Flow's file.")
@name_option
@port_option
@context_option
@rebuild_options
@quiet_option
def flow(
    source: str,
    name: str | None,
    ports: tuple[int, ...],
    context: dict[str, str],
    images: str,
    quiet: bool,
) -> None:
    """Run the Flow of --uses until it is interrupted; see `cflow run --help`.

    \b
    Example:
      cflow flow --uses flow.yml
    """
    _serve(source, name, ports, context, images, quiet)


def _serve(
    source: str,
    name: str | None,
    ports: tuple[int, ...],
    context: dict[str, str],
    images: str,
    quiet: bool,
) -> None:
    from containerflow.api.running import Running
    from containerflow.cli.declared import declare, provide_images
    from containerflow.engine.connection import connect
    from containerflow.terminal import terminal_progress

    declared = declare(source, context, name=name, ports=ports, quiet=quiet)
    progress = terminal_progress(quiet=bool(declared.spec.quiet))
    if images != "changed":
        provide_images(declared, connect(), progress, images)
    running = Running(declared.spec, declared.root, {})
    running.launch()
    try:
        name = declared.plan.name
        progress.say(f"Press Ctrl-C to stop. `cflow logs {name} -f` shows what it prints.")
        running.block(None)
        if sys.stderr.isatty():
            # The terminal has written ^C where the next line is going to be drawn.
            click.echo(err=True)
    finally:
        with progress.step(f"Stopping Flow {declared.plan.name}"):
            running.close()
