"""Finds the class that an Executor's settings mean, in the folder that its image carries."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from containerflow.errors import ExecutorError
from containerflow.runtime.executor.base import Executor, Place
from containerflow.runtime.executor.configuration import NAMES, Configuration, read_configuration
from containerflow.wire.settings import ExecutorSettings

__all__ = ["Loaded", "load"]

_PLAIN = ("Executor", "BaseExecutor")
"""What Jina users call an Executor without a class of its own."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A class, and all that its instance is made with.

    Attributes:
        cls: The class; None for an Executor that passes documents through.
        place: Its place in the Flow.
        arguments: Keyword arguments of its `__init__`.
        requests: Endpoint to method name; wins over the decorators.
    """

    cls: type[Executor] | None
    place: Place
    arguments: Mapping[str, Any] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)


def load(settings: ExecutorSettings, source: Path) -> Loaded:
    """Find and import the class that the settings mean.

    Args:
        settings: `uses`, and what wins over the folder's own configuration.
        source: The Executor's folder; on the import path it is put behind Python's own modules and
            before all packages.

    Raises:
        ExecutorError: There is no such class, or its module cannot be imported.
    """
    file = _configuration_file(settings.uses, source)
    configuration = read_configuration(file) if file is not None else Configuration()
    uses = configuration.uses if file is not None else settings.uses
    metas = {**configuration.metas, **settings.uses_metas}
    place = Place(
        name=settings.name,
        workspace=settings.workspace,
        shard_id=settings.shard_id,
        shards=settings.shards,
        replicas=settings.replicas,
        metas=metas,
        runtime_args={"flow": settings.flow, "uses": settings.uses},
    )
    modules = (*settings.py_modules, *configuration.py_modules)
    if (uses in _PLAIN and not modules) or (not uses and file is None and not _has_code(source)):
        return Loaded(None, place)
    cls = _Finder(source).find(uses, modules)
    arguments = {**configuration.arguments, **settings.uses_with}
    requests = {**configuration.requests, **settings.uses_requests}
    return Loaded(cls, place, arguments, requests)


def _configuration_file(uses: str, source: Path) -> Path | None:
    if uses.endswith((".yml", ".yaml")):
        return source / uses
    if uses:
        return None
    return next((source / name for name in NAMES if (source / name).is_file()), None)


def _has_code(source: Path) -> bool:
    return source.is_dir() and any(source.glob("*.py"))


class _Finder:
    """Looks for a class among the modules of a folder."""

    def __init__(self, source: Path) -> None:
        self._source = source.resolve()
        sys.path[:] = _with_source(sys.path, str(self._source))
        importlib.invalidate_caches()

    def find(self, uses: str, py_modules: tuple[str, ...]) -> type[Executor]:
        modules = [self._import(_module_name(entry)) for entry in py_modules]
        home, _, name = uses.rpartition(".")
        if home:
            modules = [self._import(home)]
        elif name:
            modules += [self._import(stem) for stem in self._stems_with(name)]
        elif not modules:
            modules = [self._import(self._only_stem())]
        if name:
            return self._named(name, modules)
        return self._single(modules)

    def _named(self, name: str, modules: list[ModuleType]) -> type[Executor]:
        for module in modules:
            found = getattr(module, name, None)
            if inspect.isclass(found) and issubclass(found, Executor):
                return found
            if found is not None:
                raise ExecutorError(
                    f"{name} in {module.__name__} is not an Executor.",
                    remedy=f"Derive it: `class {name}(Executor)`.",
                )
        known = [cls.__name__ for module in modules for cls in _executors(module)]
        near = get_close_matches(name, known, 1)
        places = ", ".join(module.__name__ for module in modules) or "the Executor's folder"
        raise ExecutorError(
            f"There is no class {name} in {places}.",
            remedy=f"Did you mean {near[0]!r}?"
            if near
            else "Name the class in `jtype` of config.yml, and its file in `py_modules`.",
        )

    def _single(self, modules: list[ModuleType]) -> type[Executor]:
        found = [cls for module in modules for cls in _executors(module)]
        # A class that another one of them derives from is its base, not a second Executor.
        leaves = [cls for cls in found if not any(cls in other.__mro__[1:] for other in found)]
        if len(leaves) == 1:
            return leaves[0]
        places = ", ".join(module.__name__ for module in modules)
        if not leaves:
            raise ExecutorError(
                f"There is no Executor class in {places}.",
                remedy="Define one: `class MyExecutor(Executor)`.",
            )
        names = ", ".join(cls.__name__ for cls in leaves)
        raise ExecutorError(
            f"There are several Executor classes in {places}: {names}.",
            remedy="Say which one in `jtype` of config.yml.",
        )

    def _stems_with(self, name: str) -> list[str]:
        """Top-level modules that define a class of that name; looked into before any is run."""
        paths = sorted(self._source.glob("*.py"), key=lambda path: path.name != "executor.py")
        return [path.stem for path in paths if _defines(path, name)]

    def _only_stem(self) -> str:
        stems = [path.stem for path in sorted(self._source.glob("*.py"))]
        if "executor" in stems:
            return "executor"
        if len(stems) == 1:
            return stems[0]
        raise ExecutorError(
            f"The Executor's folder has neither config.yml nor executor.py (but {len(stems)} other "
            "Python files).",
            remedy="Name the class in `jtype` of a config.yml, and its file in `py_modules`.",
        )

    def _import(self, name: str) -> ModuleType:
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names and self._holds(top):
            raise ExecutorError(
                f"{top} in the Executor's folder has the name of Python's own module {top}.",
                remedy="Give it another one.",
            )
        self._forget_strangers(top)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                raise ExecutorError(
                    f"The Executor's folder has no module {name}.",
                    remedy="Put its file beside config.yml, or correct the name.",
                ) from error
            raise ExecutorError(
                f"{name} cannot be imported: there is no module {error.name}.",
                remedy="Put the package that has it into the Executor's requirements.txt.",
            ) from error
        except Exception as error:
            hidden = self._hidden() if isinstance(error, ImportError | AttributeError) else ""
            raise ExecutorError(
                f"{name} cannot be imported: {type(error).__name__}: {error}",
                remedy=hidden and f"Rename {hidden}: Python's own module of that name comes first.",
            ) from error

    def _hidden(self) -> str:
        """Files of the folder that can never be imported, because Python has modules so named."""
        paths = sorted(self._source.glob("*.py"))
        return ", ".join(path.name for path in paths if path.stem in sys.stdlib_module_names)

    def _holds(self, top: str) -> bool:
        return (self._source / f"{top}.py").is_file() or (self._source / top).is_dir()

    def _forget_strangers(self, top: str) -> None:
        """Make way for the folder's own module where another folder's of that name was loaded."""
        module = sys.modules.get(top)
        if module is None or not self._holds(top):
            return
        path = getattr(module, "__file__", None)
        if path is None or not Path(path).resolve().is_relative_to(self._source):
            for name in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
                del sys.modules[name]


def _with_source(path: list[str], source: str) -> list[str]:
    """The import path with the Executor's folder behind Python's own modules, before all else.

    In front of them, a file such as `queue.py` or `types.py` would take the place of Python's
    module for the runtime too.
    """
    own = [entry for entry in path if _is_pythons(entry)]
    others = [entry for entry in path if entry not in own and entry != source]
    return [*own, source, *others]


def _is_pythons(entry: str) -> bool:
    library = os.path.dirname(os.__file__)
    archive = f"python{sys.version_info.major}{sys.version_info.minor}.zip"
    return (
        entry in (library, os.path.join(library, "lib-dynload"))
        or os.path.basename(entry) == archive
    )


def _module_name(entry: str) -> str:
    path = entry.removeprefix("./").removesuffix(".py").removesuffix("/__init__")
    return path.strip("/").replace("/", ".")


def _executors(module: ModuleType) -> list[type[Executor]]:
    return [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Executor)
        and value is not Executor
        and value.__module__ == module.__name__
    ]


def _defines(path: Path, name: str) -> bool:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        # Said when it is imported, if it is the one that is wanted.
        return path.name == "executor.py"
    bound = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    imported = (node for node in tree.body if isinstance(node, ast.ImportFrom))
    return name in bound.union(
        alias.asname or alias.name for node in imported for alias in node.names
    )
