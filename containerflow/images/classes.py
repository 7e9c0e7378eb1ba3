"""Find the source of a class that lives in the author's own script, module or notebook."""

from __future__ import annotations

import inspect
import linecache
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from containerflow.errors import SourceError
from containerflow.images.closure import binds, cut_class
from containerflow.images.notebook import assemble

__all__ = ["ModuleSource", "cut_class", "module_source"]

NOTEBOOK_MODULE = "notebook"


@dataclass(frozen=True, slots=True)
class ModuleSource:
    """The source of the module that a class is defined in.

    Attributes:
        name: A name for the module, fit for an import.
        text: The source.
        path: The file; None for a notebook and for code that was never in one.
    """

    name: str
    text: str
    path: Path | None


def module_source(cls: type) -> ModuleSource:
    """Find the source of the module, script or notebook that defines a class.

    A notebook has no file, so what the class needs of its cells is put together.

    Args:
        cls: A class at the top level of its module.

    Raises:
        SourceError: The source cannot be found, or the class is inside a function or class.

    Example:
        >>> module_source(ModuleSource).name
        'classes'
    """
    if "." in cls.__qualname__:
        raise SourceError(
            f"The class {cls.__qualname__} is defined inside of a function or another class.",
            remedy="Move it to the top level of its module.",
        )
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file and Path(file).suffix == ".py" and Path(file).is_file():
        path = Path(file).resolve()
        text = path.read_text(encoding="utf-8")
        if binds(text, cls.__name__):
            return ModuleSource(_module_name(path.stem), text, path)
    for function in _functions(cls):
        text = "".join(linecache.getlines(function.__code__.co_filename))
        if text and binds(text, cls.__name__):
            return ModuleSource(
                NOTEBOOK_MODULE, assemble(cls.__name__, text, function.__globals__), None
            )
    raise SourceError(
        f"The source of the class {cls.__name__} cannot be found.",
        remedy="Put it into a file; a class that is typed at a prompt leaves no source behind.",
    )


def _module_name(stem: str) -> str:
    name = re.sub(r"\W", "_", stem)
    return name if name.isidentifier() else f"_{name}"


def _functions(cls: type) -> Iterator[FunctionType]:
    """The functions in a class's body, out of whatever decorators have put around them."""
    for value in vars(cls).values():
        inner: Any = value.fget if isinstance(value, property) else value
        if isinstance(inner, staticmethod | classmethod):
            inner = inner.__func__
        if callable(inner):
            function = inspect.unwrap(inner)
            if isinstance(function, FunctionType) and function.__module__ == cls.__module__:
                yield function
