"""Put together the source of a class whose needs are spread over the cells of a notebook."""

from __future__ import annotations
import __future__

import ast
import linecache
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from containerflow.errors import SourceError
from containerflow.images.closure import binds, cut

__all__ = ["assemble"]

_FUTURE = "from __future__ import "


def assemble(class_name: str, text: str, names: Mapping[str, Any]) -> str:
    """Put a class's cell together with what it needs of other cells.

    A name of another cell is taken along as an import, as a plain literal, or with the statements
    of the cell that bind it.

    Args:
        class_name: The class.
        text: The cell that defines it.
        names: What the notebook's names are bound to.

    Raises:
        SourceError: A name is bound to something that none of these can say.
    """
    lines: dict[str, str] = {}
    wanted: dict[str, set[str]] = {text: {class_name}}
    providers: dict[str, str] = {class_name: text}
    pending = [class_name]
    while pending:
        cell = providers.get(pending.pop())
        if cell is None:
            continue
        part = cut(cell, wanted[cell], " in the notebook")
        for name in sorted(part.missing | part.hoped):
            if name in lines or name in providers:
                continue
            line = _as_line(name, names)
            if line is not None:
                lines[name] = line
                continue
            provider = next((other for other in _cells() if binds(other, name)), None)
            if provider is None:
                if name in part.hoped:
                    continue
                raise _lost(class_name, name, names)
            providers[name] = provider
            wanted.setdefault(provider, set()).add(name)
            pending.append(name)
    parts = [*sorted(lines.values())]
    parts += [cut(cell, wanted[cell]).text for cell in _in_order(text, wanted, providers)]
    return _with_future("\n".join([*parts, ""]), names)


def _in_order(
    last: str, wanted: Mapping[str, set[str]], providers: Mapping[str, str]
) -> Iterator[str]:
    """Yield cells, each after those that it needs; `last` comes last."""
    visited: set[str] = set()

    def visit(cell: str) -> Iterator[str]:
        visited.add(cell)
        part = cut(cell, wanted[cell])
        for name in sorted(part.missing | part.hoped):
            provider = providers.get(name)
            if provider is not None and provider not in visited:
                yield from visit(provider)
        yield cell

    yield from visit(last)


def _as_line(name: str, names: Mapping[str, Any]) -> str | None:
    """A line that gives a name its value; None where it takes more than a line."""
    if name not in names:
        return None
    value = names[name]
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}"
    if isinstance(value, type | FunctionType) or hasattr(value, "__qualname__"):
        home, own = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
        module = sys.modules.get(home or "")
        if getattr(module, "__file__", None) and getattr(module, own, None) is value:
            return f"from {home} import {own} as {name}"
        return None
    literal = repr(value)
    try:
        return f"{name} = {literal}" if ast.literal_eval(literal) == value else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        # Its text is no literal, so it takes more than a line.
        return None


def _cells() -> Iterator[str]:
    """The sources of code that is in no file, the newest first: a notebook's cells."""
    for filename, entry in reversed(list(linecache.cache.items())):
        if len(entry) == 4 and entry[1] is None and not Path(filename).is_file():
            yield "".join(entry[2])


def _with_future(text: str, names: Mapping[str, Any]) -> str:
    """The text with its `from __future__` lines on top, where Python wants them."""
    lines = text.splitlines()
    future = [line for line in lines if line.startswith(_FUTURE)]
    if names.get("annotations") is __future__.annotations:
        # Said in one cell, it holds for all that follow.
        future.append(_FUTURE + "annotations")
    rest = [line for line in lines if not line.startswith(_FUTURE)]
    return "\n".join([*dict.fromkeys(future), *rest, ""])


def _lost(class_name: str, name: str, names: Mapping[str, Any]) -> SourceError:
    why = f"a {type(names[name]).__name__}" if name in names else "defined nowhere"
    return SourceError(
        f"The class {class_name} needs {name}, which is {why} and cannot be brought along.",
        remedy=f"Make {name} inside of the class, or put the class and {name} into a file.",
    )
