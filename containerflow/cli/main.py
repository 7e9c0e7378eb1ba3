"""`cflow`: the group of all commands, and how a process of it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from containerflow._version import __version__
from containerflow.cli.lazy import LazyGroup, Place
from containerflow.errors import ContainerflowError

__all__ = ["cflow", "main", "run"]

_ROOM = "containerflow.cli."


@dataclass(slots=True)
class Options:
    """What stands before the command's name, for whoever handles the error it may end in."""

    debug: bool = False


PLACES = {
    "run": Place(_ROOM + "run", "run", "Run a Flow until it is interrupted."),
    "flow": Place(_ROOM + "run", "flow", "The same as run, spelled as Jina spells it."),
    "up": Place(_ROOM + "up", "up", "Start a Flow and leave it running."),
    "down": Place(_ROOM + "down", "down", "Stop and remove a Flow that `up` started."),
    "ps": Place(_ROOM + "ps", "ps", "List the containers of Flows."),
    "logs": Place(_ROOM + "logs", "logs", "Print what a Flow's containers print."),
    "call": Place(_ROOM + "call", "call", "Send one request to a running Flow."),
    "build": Place(_ROOM + "build", "build", "Build a Flow's images without starting it."),
    "plan": Place(_ROOM + "plan", "plan", "Print what would run, to the last setting."),
    "validate": Place(_ROOM + "validate", "validate", "Check a Flow's file and show its graph."),
    "new": Place(_ROOM + "new", "new", "Make a working project with one Executor."),
    "prune": Place(_ROOM + "prune", "prune", "Remove what Flows left whose starter died."),
}


@click.command(
    cls=LazyGroup,
    places=PLACES,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the work failed, 2 the command line was wrong, 130 interrupted.",
)
@click.version_option(__version__, prog_name="cflow")
@click.option("--debug", is_flag=True, help="Show the traceback of an error as well.")
@click.pass_obj
def cflow(options: Options, debug: bool) -> None:
    """Run graphs of Executors as containers.

    \b
    Example:
      cflow new hello && cd hello
      cflow run flow.yml
    """
    options.debug = debug


def main() -> None:
    """The program: run the command line of this process, and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: What stands after `cflow`.

    Returns:
        The exit code: 0 done, 1 the work failed, 2 the command line was wrong, 130 interrupted.
    """
    options = Options()
    try:
        code = cflow.main(
            args=list(arguments), prog_name="cflow", standalone_mode=False, obj=options
        )
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return 130
    except ContainerflowError as error:
        if options.debug:
            raise
        # Not at the top: rich costs a third of the time that help may take.
        from containerflow.terminal import show_error

        show_error(error)
        return 1
    return code if isinstance(code, int) else 0
