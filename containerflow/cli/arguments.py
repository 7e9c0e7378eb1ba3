"""Arguments that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "context_option",
    "flow_file",
    "flow_name",
    "name_option",
    "port_option",
    "quiet_option",
    "rebuild_options",
]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SUFFIXES = frozenset({".yml", ".yaml", ".json"})


def flow_file(command: Decorated) -> Decorated:
    """The argument FLOW, passed as `source: str`."""
    return click.argument("source", metavar="[FLOW]", default="flow.yml")(command)


def context_option(command: Decorated) -> Decorated:
    """The option `--context KEY=VALUE`, passed as `context: dict[str, str]`."""
    return click.option(
        "-c",
        "--context",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_pairs,
        help="Value of ${{ CONTEXT.KEY }} in the file; may be repeated.",
    )(command)


def quiet_option(command: Decorated) -> Decorated:
    """The option `--quiet`, passed as `quiet: bool`."""
    return click.option("-q", "--quiet", is_flag=True, help="Show no progress.")(command)


def rebuild_options(command: Decorated) -> Decorated:
    """The flags `--rebuild` and `--no-rebuild`, passed as `images: str`; the last one wins.

    The value is `changed` where neither is given, else `all` or `none`: which images to build.
    """
    command = click.option(
        "--no-rebuild",
        "images",
        flag_value="none",
        help="Build nothing: an image that is missing is an error.",
    )(command)
    return click.option(
        "--rebuild",
        "images",
        flag_value="all",
        default="changed",
        help="Build the Executors' images anew, also where nothing has changed.",
    )(command)


def name_option(command: Decorated) -> Decorated:
    """The option `--name`, passed as `name: str | None`."""
    return click.option("--name", help="Name of the Flow, instead of the one in the file.")(command)


def port_option(command: Decorated) -> Decorated:
    """The option `--port`, passed as `ports: tuple[int, ...]`."""
    return click.option(
        "--port",
        "ports",
        type=click.IntRange(0, 65535),
        multiple=True,
        help="Published port, instead of the one in the file; 0 is any free one. "
        "Repeated where the Gateway has several protocols.",
    )(command)


def flow_name(argument: str) -> str:
    """The name of the Flow that an argument means: the name itself, or a file that declares it.

    Args:
        argument: A Flow's name, or the path of its YAML file.

    Raises:
        DefinitionError: It looks like a file, and is no Flow.

    Example:
        >>> flow_name("search")
        'search'
    """
    from containerflow.flow.yaml import load
    from containerflow.plan.names import dns_label

    is_file = Path(argument).suffix in _SUFFIXES
    return dns_label(load(argument).name if is_file else argument)


def _pairs(
    context: click.Context,  # noqa: ARG001
    parameter: click.Parameter,
    values: tuple[str, ...],
) -> dict[str, str]:
    pairs = dict(value.partition("=")[::2] for value in values)
    for value in values:
        if "=" not in value:
            raise click.BadParameter(f"'{value}' is not KEY=VALUE.", param=parameter)
    return pairs
