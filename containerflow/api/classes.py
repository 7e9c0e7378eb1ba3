"""Executor classes as `uses`: from an object of this process to a name that YAML can say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from containerflow.errors import DefinitionError

__all__ = ["Declared", "declare_class"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What `uses=SomeClass` comes to.

    Attributes:
        uses: The class's name.
        py_modules: The file that defines it, from the Flow's directory, and what stood there
            before.
        texts: The source of a module that is in no usable file, by the name that `py_modules`
            gives it; empty where there is a file.
    """

    uses: str
    py_modules: tuple[str, ...]
    texts: Mapping[str, str]


def declare_class(
    cls: type, py_modules: tuple[str, ...], root: Path, texts: Mapping[str, str]
) -> Declared:
    """Name a class by its file, or keep its source where it has none.

    Args:
        cls: An Executor class.
        py_modules: Further modules that it needs.
        root: The Flow's directory.
        texts: Sources that the Flow keeps already.

    Raises:
        DefinitionError: It is no Executor class.
        SourceError: Its source cannot be found.
    """
    from containerflow.images.classes import module_source
    from containerflow.runtime.executor import Executor

    if not issubclass(cls, Executor):
        raise DefinitionError(
            f"The class {cls.__name__} is no Executor.",
            remedy="Derive it from containerflow.Executor.",
        )
    source = module_source(cls)
    if source.path is not None and source.path.stem.isidentifier():
        file = Path(os.path.relpath(source.path, root.resolve())).as_posix()
        return Declared(cls.__name__, (file, *py_modules), {})
    key = _free_name(source.name, cls.__name__, source.text, texts)
    return Declared(cls.__name__, (key, *py_modules), {key: source.text})


def _free_name(module: str, class_name: str, text: str, texts: Mapping[str, Any]) -> str:
    """A file name for a source; one of its own where a cell was run again with another text."""
    name = f"{module}_{class_name}"
    number = 1
    while texts.get(f"{name}.py", text) != text:
        number += 1
        name = f"{module}_{class_name}_{number}"
    return f"{name}.py"
