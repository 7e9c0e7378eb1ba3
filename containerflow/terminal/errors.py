"""An error as its reader should meet it: what, where, what to do, and the log it left."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from containerflow.errors import (
    BuildError,
    ContainerflowError,
    ExitedError,
    ReadyTimeoutError,
    RequestError,
    YamlError,
)
from containerflow.terminal.console import console_for, is_live

__all__ = ["show_error"]

_LOG_LINES = 20


def show_error(error: ContainerflowError, file: TextIO | None = None) -> None:
    """Show an error: in a panel on a terminal, as plain lines elsewhere.

    Args:
        error: What was raised.
        file: An open text stream; standard error by default.

    Example:
        >>> import sys
        >>> show_error(ContainerflowError("No file x.yml.", remedy="Name one that exists."),
        ...     sys.stdout)
        error: No file x.yml.
          Name one that exists.
    """
    console = console_for(file)
    facts = _facts(error)
    excerpt = _excerpt(error) if isinstance(error, YamlError) else []
    log = _log_tail(error)
    if is_live(console):
        body: list[RenderableType] = [Text(error.message, style="bold")]
        body += [Text(fact) for fact in facts]
        if excerpt:
            body += [Text(""), Text("\n".join(excerpt), style="yellow", no_wrap=True)]
        if error.remedy:
            body += [Text(""), Text(error.remedy, style="cyan")]
        if log:
            body += [Text(""), Text("Last lines of its log:", style="dim")]
            body += [Text(line, overflow="fold") for line in log]
        console.print(Panel(Group(*body), title="error", title_align="left", border_style="red"))
        return
    lines = [f"error: {error.message}"]
    lines += [f"  {text}" for text in (*facts, *excerpt)]
    if error.remedy:
        lines.append(f"  {error.remedy}")
    lines += [f"  | {text}" for text in log]
    console.print("\n".join(lines), soft_wrap=True)


def _facts(error: ContainerflowError) -> list[str]:
    if not isinstance(error, RequestError):
        return []
    facts = [f"code: {error.code.value} {error.code.name}"]
    if error.executor:
        facts.append(f"executor: {error.executor}")
    if error.exception:
        facts.append(f"exception: {error.exception}")
    if error.request_id:
        facts.append(f"request id: {error.request_id}")
    for fault in error.detail:
        place = ".".join(str(part) for part in fault.get("loc", ()))
        told = f"{place}: {fault.get('msg', '')}"
        if told not in error.message:
            facts.append(f"  {told}")
    return facts


def _excerpt(error: YamlError) -> list[str]:
    """The faulty line of the file and the one before, with a mark below the column."""
    path = Path(error.source) if error.source else None
    if path is None or not error.line or not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        # The excerpt is a courtesy; the message names file, line and column already.
        return []
    first = max(error.line - 1, 1)
    excerpt = [
        f"{number:>4} | {line}"
        for number, line in enumerate(lines[first - 1 : error.line], start=first)
    ]
    if error.column:
        excerpt.append(" " * 4 + " | " + " " * (error.column - 1) + "^")
    return excerpt


def _log_tail(error: ContainerflowError) -> list[str]:
    if not isinstance(error, BuildError | ExitedError | ReadyTimeoutError):
        return []
    return error.log.rstrip().splitlines()[-_LOG_LINES:]
