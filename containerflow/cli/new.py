"""`cflow new`: a project that runs as it is."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

import click

from containerflow.errors import SourceError

__all__ = ["new", "write_project"]

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


@click.command(short_help="Make a working project with one Executor.")
@click.argument("name")
def new(name: str) -> None:
    """Make a directory NAME with a Flow of one Executor, a client and a test.

    The last part of NAME becomes the Flow's name, so it is written as a DNS label: lower-case
    letters, digits and hyphens.

    \b
    Example:
      cflow new hello
      cd hello
      cflow run flow.yml
    """
    directory = Path(name)
    written = write_project(directory)
    click.echo(f"Made {len(written)} files:")
    for path in written:
        click.echo(f"  {path}")
    click.echo("\nNext:")
    click.echo(f"  cd {directory}")
    click.echo("  cflow run flow.yml")


def write_project(directory: Path) -> list[Path]:
    """Write the template of a project into a directory that is absent or empty.

    Args:
        directory: Where to; its last part names the Flow.

    Returns:
        The files written, sorted.

    Raises:
        SourceError: The name is no DNS label, or the directory holds something already.
    """
    name = directory.name
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"'{name}' cannot name a Flow.",
            remedy="Use lower-case letters, digits and hyphens, starting with a letter.",
        )
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SourceError(
            f"'{directory}' exists and is not empty.",
            remedy="Choose another name, or remove it first.",
        )
    template = files("containerflow.cli").joinpath("template")
    return sorted(_copy(template, directory, {"name": name}))


def _copy(source: Traversable, target: Path, values: dict[str, str]) -> list[Path]:
    target.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for entry in source.iterdir():
        path = target / entry.name
        if entry.is_dir():
            if entry.name != "__pycache__":
                written += _copy(entry, path, values)
        else:
            text = entry.read_text(encoding="utf-8")
            path.write_text(Template(text).substitute(values), encoding="utf-8")
            written.append(path)
    return written
