"""`cflow plan`: what would run."""

from __future__ import annotations

import json

import click

from containerflow.cli.arguments import context_option, flow_file

__all__ = ["plan"]


@click.command(short_help="Print what would run, to the last setting.")
@flow_file
@context_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of YAML.")
def plan(source: str, context: dict[str, str], as_json: bool) -> None:
    """Print the Plan of FLOW: every container with its image, command, ports, mounts and limits.

    The same Flow always gives the same Plan, so two of them can be compared with diff.

    \b
    Example:
      cflow plan flow.yml
      cflow plan flow.yml --json | jq '.services[].image'
    """
    from containerflow.flow.yaml import load
    from containerflow.plan.lower import lower

    decided = lower(load(source, context=context))
    if as_json:
        click.echo(json.dumps(decided.to_dict(), indent=2))
        return
    from containerflow.plan.render import render

    click.echo(render(decided), nl=False)
