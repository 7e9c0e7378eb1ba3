"""The corpus: one document for each documented name of Python's standard library.

Python sources are parsed, never imported, so that reading a module runs none of it. Modules
that are compiled have no source to parse; those are asked for theirs, in a process of their own.

    python examples/search/corpus.py            # how many documents, and the first of them
    python examples/search/corpus.py --json     # all of them, one JSON document a line
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.machinery import ExtensionFileLoader
from pathlib import Path

_SKIPPED = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented name.

    Attributes:
        id: The qualified name, as in `asyncio.queues.Queue.get`.
        kind: `module`, `class`, `function` or `method`.
        text: The docstring, dedented.
    """

    id: str
    kind: str
    text: str


def build(directory: Path | None = None, limit: int = 0) -> list[Entry]:
    """Read the docstrings of Python's standard library, or of the sources below a directory.

    Args:
        directory: Where the sources are; None takes those of this interpreter's own library,
            and the modules that are compiled into it.
        limit: Stop after as many documents; 0 takes all.

    Returns:
        The documents, sorted by id; each id occurs once.
    """
    entries: dict[str, Entry] = {}
    if directory is None:
        directory = Path(sysconfig.get_path("stdlib"))
        for entry in _asked_in_a_process_of_their_own():
            entries.setdefault(entry.id, entry)
    for path in _sources(directory):
        for entry in _entries(path, directory):
            # A name that is defined twice, once per platform say, counts the first time.
            entries.setdefault(entry.id, entry)
        if limit and len(entries) >= limit:
            break
    ordered = [entries[key] for key in sorted(entries)]
    return ordered[:limit] if limit else ordered


def version(entries: list[Entry]) -> str:
    """A short digest of the corpus: an index made from it carries this to tell its age."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(json.dumps(asdict(entry), sort_keys=True).encode())
    return digest.hexdigest()[:16]


def _sources(directory: Path) -> Iterator[Path]:
    for parent, directories, files in os.walk(directory):
        # What is left out of this list is not walked into.
        directories[:] = sorted(set(directories) - _SKIPPED)
        for name in sorted(files):
            if name.endswith(".py"):
                yield Path(parent, name)


def _entries(path: Path, directory: Path) -> Iterator[Entry]:
    parts = list(path.relative_to(directory).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return
    try:
        with warnings.catch_warnings():
            # Old modules have invalid escapes in their strings, which is no news here.
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except SyntaxError:
        # Some files of the library are wrong on purpose: data of its own tools' tests.
        return
    yield from _documented(tree, ".".join(parts), "module")


def _documented(node: ast.AST, name: str, kind: str) -> Iterator[Entry]:
    assert isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    text = ast.get_docstring(node)
    if text and text.strip():
        yield Entry(id=name, kind=kind, text=text)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for child in _statements(node.body):
        below = f"{name}.{child.name}"
        if isinstance(child, ast.ClassDef):
            yield from _documented(child, below, "class")
        else:
            inside_class = isinstance(node, ast.ClassDef)
            yield from _documented(child, below, "method" if inside_class else "function")


def _statements(
    body: list[ast.stmt],
) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """The definitions in a body, also those below `if` and `try`."""
    for child in body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield child
        elif isinstance(child, ast.If | ast.Try):
            yield from _statements(child.body)
            yield from _statements(child.orelse)
            if isinstance(child, ast.Try):
                for handler in child.handlers:
                    yield from _statements(handler.body)


def _asked_in_a_process_of_their_own() -> Iterator[Entry]:
    """Compiled modules cannot be parsed; importing all of them would leave traces in this one."""
    asked = [sys.executable, "-I", str(Path(__file__).resolve()), "--compiled"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=True, encoding="utf-8")
    for line in answer.stdout.splitlines():
        yield Entry(**json.loads(line))


def _compiled_entries() -> Iterator[Entry]:
    """What the library's compiled modules say of themselves: str.split, math.sqrt, deque."""
    for module_name in _compiled_modules():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                module = importlib.import_module(module_name)
        except ImportError:
            # Compiled against a library that this machine lacks, as _tkinter often is.
            continue
        if not module_name.startswith("_"):
            yield from _described(module, module_name, "module")
        for attribute, value in sorted(vars(module).items()):
            # A private module lends its names to a public one: _collections.deque is
            # collections.deque, and says so itself. posix is what os is made of.
            home = getattr(value, "__module__", None) or module_name
            home = "os" if home in {"posix", "nt"} else home
            if not attribute.startswith("_") and not home.startswith("_"):
                yield from _compiled_names(value, f"{home}.{attribute}")


def _compiled_modules() -> Iterator[str]:
    for name in sorted(sys.stdlib_module_names):
        if name.startswith(("_test", "_xx", "xx", "_ctypes_test")):
            continue
        spec = importlib.util.find_spec(name)
        if spec is not None and (
            spec.origin == "built-in" or isinstance(spec.loader, ExtensionFileLoader)
        ):
            yield name


def _compiled_names(value: object, name: str) -> Iterator[Entry]:
    if inspect.isclass(value):
        if not name.endswith(f".{value.__name__}"):
            return  # an alias: array.ArrayType is array.array
        yield from _described(value, name, "class")
        for attribute, member in sorted(vars(value).items()):
            if not attribute.startswith("_") and callable(member):
                yield from _described(member, f"{name}.{attribute}", "method")
    elif inspect.isbuiltin(value):
        yield from _described(value, name, "function")


def _described(value: object, name: str, kind: str) -> Iterator[Entry]:
    text = inspect.getdoc(value)
    if text and text.strip():
        yield Entry(id=name, kind=kind, text=text)


if __name__ == "__main__":
    if "--compiled" in sys.argv[1:]:
        for item in _compiled_entries():
            print(json.dumps(asdict(item)))
        sys.exit()
    corpus = build()
    if "--json" in sys.argv[1:]:
        for item in corpus:
            print(json.dumps(asdict(item)))
    else:
        print(f"{len(corpus)} documents, version {version(corpus)}; the first of them:")
        for item in corpus[:10]:
            print(f"  {item.kind:8} {item.id}: {item.text.splitlines()[0]}")
