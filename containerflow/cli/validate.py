"""`cflow validate`: whether a file is a Flow, and which one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from containerflow.cli.arguments import context_option, flow_file
from containerflow.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

    from containerflow.plan.model import Plan

__all__ = ["validate"]


@click.command(short_help="Check a Flow's file and show its graph.")
@flow_file
@context_option
def validate(source: str, context: dict[str, str]) -> None:
    """Check FLOW without starting or building anything, and print its graph.

    Unknown keys, unknown names in needs, circles and missing folders are errors; they are shown
    with line and column, and the exit code is 1.

    \b
    Example:
      cflow validate flow.yml
    """
    from containerflow.cli.table import print_table
    from containerflow.flow.graph import resolve
    from containerflow.flow.yaml import load_with_root
    from containerflow.plan.lower import lower

    flow, root = load_with_root(source, context=context)
    graph = resolve(flow.executors)
    plan = lower(flow)
    check_sources(plan, root)
    doors = ", ".join(port.protocol for port in plan.gateway.ports)
    count = len(flow.executors)
    click.echo(
        f"{source} is valid: Flow '{plan.name}' with {count} "
        f"{'Executor' if count == 1 else 'Executors'}, protocol {doors}."
    )
    if not flow.executors:
        return
    click.echo()
    print_table(
        ["EXECUTOR", "NEEDS", "USES", "REPLICAS"],
        [
            [
                executor.name,
                ", ".join(graph.needs[executor.name]),
                executor.uses or "-",
                str(executor.replicas),
            ]
            for executor in flow.executors
        ],
    )
    click.echo(f"\nThe answer comes from: {', '.join(graph.leaves)}")


def check_sources(plan: Plan, root: Path) -> None:
    """See that the folders and files that images are built from are there.

    Args:
        plan: Whose images.
        root: The Flow's directory.

    Raises:
        SourceError: One is not there.
    """
    for service in plan.services:
        if service.build is not None and service.build.source:
            path = root / service.build.source
            if not path.exists():
                raise SourceError(
                    f"Executor '{service.executor}' uses '{service.build.source}', "
                    f"and there is no {path}.",
                    remedy="Correct `uses`; it counts from the directory of the Flow's file.",
                )
