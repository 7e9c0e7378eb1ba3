"""`cflow build`: the images of a Flow."""

from __future__ import annotations

import click

from containerflow.cli.arguments import context_option, flow_file, quiet_option, rebuild_options

__all__ = ["build"]


@click.command(short_help="Build a Flow's images without starting it.")
@flow_file
@context_option
@rebuild_options
@quiet_option
def build(source: str, context: dict[str, str], images: str, quiet: bool) -> None:
    """Build or pull every image that FLOW needs, and print their names.

    \b
    Example:
      cflow build flow.yml
      cflow build flow.yml --rebuild
    """
    from containerflow.cli.declared import declare, provide_images
    from containerflow.cli.table import print_table
    from containerflow.engine.connection import connect
    from containerflow.terminal import terminal_progress

    declared = declare(source, context)
    plan = provide_images(declared, connect(), terminal_progress(quiet=quiet), images)
    print_table(["SERVICE", "IMAGE"], [[service.name, service.image] for service in plan.services])
