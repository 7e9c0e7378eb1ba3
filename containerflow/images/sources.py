"""Where the author's files are, and which of them a single class takes along."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from containerflow.errors import SourceError
from containerflow.images.classes import cut_class
from containerflow.images.context import NEVER_COPIED, Entry, folder_entries
from containerflow.plan.model import Build

__all__ = ["ClassText", "Sources", "module_entries", "module_text"]

_OWN_PACKAGE = "containerflow"


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the author's files are.

    Attributes:
        root: The Flow's directory: what paths in a Plan are relative to.
        texts: Sources of modules that are in memory only (a notebook's), by `Build.source`.
    """

    root: Path
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClassText:
    """The source of one class, cut to what it needs.

    Attributes:
        module: Name of the module that it becomes.
        text: The source.
        folder: Where the modules and the requirements.txt beside it are.
    """

    module: str
    text: str
    folder: Path


def module_text(build: Build, sources: Sources, executor: str) -> ClassText:
    """Read the source of a class and cut it to what the class needs.

    Raises:
        SourceError: The file is missing, is not Python, or does not define the class.
    """
    module = Path(build.source).stem
    class_name = build.entry.rpartition(".")[2]
    in_memory = sources.texts.get(build.source)
    if in_memory is not None:
        return ClassText(module, _cut(in_memory, class_name, build.source), sources.root)
    path = sources.root / build.source
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise SourceError(
            f"Executor {executor!r} uses the class {class_name} of {path}, "
            f"which cannot be read: {reason}.",
            remedy="Correct `uses` or `py_modules`; paths are relative to the Flow's directory.",
        ) from error
    return ClassText(module, _cut(text, class_name, str(path)), path.parent)


def _cut(text: str, class_name: str, where: str) -> str:
    result = cut_class(text, class_name, where)
    for node in ast.walk(ast.parse(result)):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise SourceError(
                f"The class {class_name} needs a relative import, in line {node.lineno} of "
                f"{where}; in its image the module stands alone.",
                remedy="Write that import with the package's name, or make a directory of the "
                "Executor.",
            )
    return result


def module_entries(
    source: ClassText, build: Build, sources: Sources, executor: str
) -> Iterator[Entry]:
    """Yield the files that a class takes along, where they stand under `/app`.

    That is its own module, the modules in its directory that it imports, those that they import
    in turn, and `Build.modules`.

    Raises:
        SourceError: One of `Build.modules` is missing.
    """
    yield Entry(f"{source.module}.py", source.text.encode())
    pending = [source.text]
    seen = {source.module, _OWN_PACKAGE}
    for name in build.modules:
        path = sources.root / name
        if not path.is_file():
            raise SourceError(
                f"Executor {executor!r} has {name!r} in py_modules, but {path} does not exist.",
                remedy="Correct `py_modules`; paths are relative to the Flow's own directory.",
            )
        seen.add(path.stem)
        text = path.read_bytes()
        yield Entry(path.name, text)
        pending.append(text.decode(errors="replace"))
    while pending:
        for name in sorted(imported_names(pending.pop()) - seen):
            for entry in _beside(name, source.folder):
                seen.add(name)
                yield entry
                if isinstance(entry.content, Path) and entry.path.endswith(".py"):
                    pending.append(entry.content.read_text(encoding="utf-8", errors="replace"))


def imported_names(text: str) -> set[str]:
    """The top-level modules that a source imports, wherever in it the import stands."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        # The file comes along as it is; whoever imports it will be told.
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names


def _beside(name: str, folder: Path) -> Iterator[Entry]:
    """The files of a module or package that stands in a folder or in a parent of its package."""
    for place in _search_path(folder):
        if (place / f"{name}.py").is_file():
            yield Entry(f"{name}.py", place / f"{name}.py")
            return
        if (place / name / "__init__.py").is_file():
            yield Entry(name, None)
            yield from folder_entries(place / name, NEVER_COPIED, prefix=f"{name}/")
            return


def _search_path(folder: Path) -> Iterator[Path]:
    installed = {
        Path(sysconfig.get_path(key)).resolve() for key in ("stdlib", "purelib", "platlib")
    }
    place = folder.resolve()
    while True:
        # What is installed comes with requirements.txt, built for the image's own system.
        if place in installed or place.name in ("site-packages", "dist-packages"):
            return
        yield place
        if not (place / "__init__.py").is_file() or place == place.parent:
            return
        place = place.parent
