"""Cut a class out of its module: the top-level statements that it needs, and no others.

A script often defines an Executor and, further down, starts a Flow with it. In the container the
script's own doings must not run again, so the class takes along what it refers to and what that
refers to in turn: imports, functions, classes, assignments, and blocks that bind names.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeGuard

from containerflow.errors import SourceError
from containerflow.images.recipes import PYTHON

__all__ = ["Cut", "binds", "cut", "cut_class"]

_ALWAYS_THERE = frozenset(dir(builtins)) | {
    "__annotations__",
    "__builtins__",
    "__cached__",
    "__doc__",
    "__file__",
    "__loader__",
    "__name__",
    "__package__",
    "__spec__",
}
_LINE_END = re.compile(r"\r\n|\r|\n")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Cut:
    """Some statements of a module.

    Attributes:
        text: Their source; each stands on the line that it had in the module, so that the lines
            of a traceback are those of the author's file.
        missing: Names that they need and that the module does not bind.
        hoped: Names that they may do without, and that the module does not bind either.
    """

    text: str
    missing: frozenset[str]
    hoped: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Statement:
    """A top-level statement and the module's names that it deals with.

    Attributes:
        node: The statement.
        binds: Names that it gives a value.
        uses: Names that it cannot do without.
        mentions: Names that it may do without: those in annotations that Python does not
            evaluate, and those that a class attribute of the same name shadows.
        changes: Names whose value it changes in place.
    """

    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]
    mentions: frozenset[str]
    changes: frozenset[str]


def cut_class(text: str, class_name: str, source: str = "") -> str:
    """Keep of a module's source what one class needs.

    Calls at the top level, such as those that run a Flow, and `if __name__ == "__main__"` are
    left out unless they bind a name that the class needs. Lines keep their numbers.

    Args:
        text: The module's source.
        class_name: A class at the top level of the module.
        source: Where the text comes from, for errors.

    Raises:
        SourceError: The text is not Python, does not define the class, or the class needs a name
            that the text does not bind, or syntax that the Python in the images does not have.

    Example:
        >>> print(cut_class("x = 1\\ny = 2\\nclass A:\\n    z = y\\nprint(A())", "A").strip())
        y = 2
        class A:
            z = y
    """
    where = f" in {source}" if source else ""
    result = cut(text, [class_name], where)
    if class_name in result.missing:
        raise SourceError(
            f"There is no class {class_name}{where}.",
            remedy="Define it at the top level of that module, or correct `uses`.",
        )
    if result.missing:
        names = ", ".join(sorted(result.missing))
        raise SourceError(
            f"The class {class_name}{where} needs {names}, which the module does not define.",
            remedy="Import or define it in the module, outside of `if __name__ == '__main__'`, "
            "or make a directory of the Executor.",
        )
    _require_image_syntax(result.text, class_name, where)
    return result.text


def _require_image_syntax(text: str, class_name: str, where: str) -> None:
    """Raise where a text that this Python reads is none for the Python in the images."""
    try:
        ast.parse(text, feature_version=PYTHON)
    except SyntaxError as error:
        version = ".".join(map(str, PYTHON))
        place = f" in line {error.lineno}" if error.lineno else ""
        raise SourceError(
            f"What the class {class_name}{where} needs is not Python {version}{place}, and images "
            f"run Python {version}: {error.msg}.",
            remedy=f"Write it as Python {version} does.",
        ) from error


def binds(text: str, name: str) -> bool:
    """Whether a module's source gives a value to a name; False where it is not Python."""
    try:
        return name not in cut(text, [name]).missing
    except SourceError:
        return False


def cut(text: str, names: Iterable[str], where: str = "") -> Cut:
    """Keep of a module's source what some of its names need.

    Args:
        text: The module's source.
        names: The names.
        where: Where the text comes from, for errors: " in x.py".

    Raises:
        SourceError: The text is not Python.
    """
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        place = f", line {error.lineno}" if error.lineno else ""
        raise SourceError(
            f"The source{where}{place} is not Python: {error.msg}.", remedy="Correct it."
        ) from error
    lazy = any(_is_future(node) and node.names[0].name == "annotations" for node in body)
    statements = [_study(node, lazy_annotations=lazy) for node in body]
    imported = {
        name
        for statement in statements
        if isinstance(statement.node, ast.Import | ast.ImportFrom)
        for name in statement.binds
    }
    wanted = set(names)
    kept: set[int] = set()
    grew = True
    while grew:
        grew = False
        for index, statement in enumerate(statements):
            if index in kept or not _belongs(statement, wanted, imported):
                continue
            kept.add(index)
            wanted |= statement.uses | statement.mentions
            grew = True
    chosen = [statements[index] for index in sorted(kept)]
    bound = {name for statement in chosen for name in statement.binds}
    needed = set(names).union(*(statement.uses for statement in chosen))
    if any(_is_star(statement.node) for statement in chosen):
        # What a star brings is not known here.
        needed = set(names)
    hoped = {name for statement in chosen for name in statement.mentions}
    absent = needed - bound - _ALWAYS_THERE
    return Cut(
        _layout(text, chosen, wanted),
        missing=frozenset(absent),
        hoped=frozenset(hoped - bound - _ALWAYS_THERE - absent),
    )


def _belongs(statement: _Statement, wanted: set[str], imported: set[str]) -> bool:
    node = statement.node
    if _is_main_guard(node):
        return False
    if _is_star(node) or _is_future(node):
        return True
    return bool(statement.binds & wanted or (statement.changes - imported) & wanted)


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_future(node: ast.stmt) -> TypeGuard[ast.ImportFrom]:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _is_main_guard(node: ast.stmt) -> bool:
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Compare):
        return False
    sides = [node.test.left, *node.test.comparators]
    return isinstance(node.test.ops[0], ast.Eq) and any(
        isinstance(side, ast.Name) and side.id == "__name__" for side in sides
    )


def _study(node: ast.stmt, *, lazy_annotations: bool) -> _Statement:
    if _is_star(node) or _is_future(node):
        return _Statement(node, *[frozenset[str]()] * 4)
    binds: set[str] = set()
    uses: set[str] = set()
    mentions = {*_annotations(node), *_shadowed(node)}
    source = ast.unparse(ast.Module([node], []))
    if lazy_annotations:
        source = f"from __future__ import annotations\n{source}"
    top = symtable.symtable(source, "<statement>", "exec")
    for symbol in top.get_symbols():
        if symbol.is_assigned() or symbol.is_imported():
            binds.add(symbol.get_name())
        if symbol.is_referenced():
            uses.add(symbol.get_name())
    for table in _inner(top):
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if symbol.is_global():
                if symbol.is_assigned() or symbol.is_imported():
                    binds.add(name)
                if symbol.is_referenced():
                    uses.add(name)
    if lazy_annotations:
        # Bound by the line that was put before it.
        binds.discard("annotations")
    return _Statement(
        node,
        frozenset(binds),
        frozenset(uses),
        frozenset(mentions),
        frozenset(_changed_in_place(node)),
    )


def _inner(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for child in table.get_children():
        yield child
        yield from _inner(child)


def _shadowed(node: ast.stmt) -> Iterator[str]:
    """Names that a class body reads before it binds them: `limit = limit` reads the module's."""
    for inner in ast.walk(node):
        if not isinstance(inner, ast.ClassDef):
            continue
        bound: set[str] = set()
        for statement in inner.body:
            table = symtable.symtable(ast.unparse(statement), "<statement>", "exec")
            symbols = table.get_symbols()
            yield from {s.get_name() for s in symbols if s.is_referenced()} - bound
            bound |= {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def _annotations(node: ast.stmt) -> Iterator[str]:
    """Names in annotations, in those that are written as text as well."""
    for inner in ast.walk(node):
        annotations: list[ast.expr | None] = []
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            annotations.append(inner.returns)
        elif isinstance(inner, ast.arg | ast.AnnAssign):
            annotations.append(inner.annotation)
        for annotation in annotations:
            for part in ast.walk(annotation) if annotation is not None else ():
                if isinstance(part, ast.Name):
                    yield part.id
                elif isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield from re.findall(r"[^\W\d]\w*", part.value)


def _changed_in_place(node: ast.AST) -> Iterator[str]:
    """Names of which a statement sets an item or attribute, or calls a method."""
    if isinstance(node, _SCOPES):
        return
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    for target in targets:
        base = target
        while isinstance(base, ast.Attribute | ast.Subscript):
            base = base.value
        if base is not target and isinstance(base, ast.Name):
            yield base.id
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from _changed_in_place(child)


def _layout(text: str, chosen: list[_Statement], wanted: set[str]) -> str:
    lines = _LINE_END.split(text)
    result = [""] * len(lines)
    for statement in chosen:
        node = statement.node
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        last = (node.end_lineno or node.lineno) - 1
        part = [*lines[first : last + 1]]
        # Columns count bytes of UTF-8.
        part[-1] = part[-1].encode()[: node.end_col_offset].decode()
        if first == node.lineno - 1:
            part[0] = part[0].encode()[node.col_offset :].decode()
        pruned = _prune_import(node, wanted)
        if pruned is not None:
            part = [pruned]
        # Statements that shared a line still do.
        result[first] = f"{result[first]}; {part[0]}" if result[first] else part[0]
        result[first + 1 : first + len(part)] = part[1:]
    return "\n".join(result).rstrip() + "\n"


def _prune_import(node: ast.stmt, wanted: set[str]) -> str | None:
    """An import of the names that are wanted; None where it is to stay as it is."""
    if not isinstance(node, ast.Import | ast.ImportFrom) or _is_star(node):
        return None
    if _is_future(node):
        return None
    names = [
        alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in wanted
    ]
    if len(names) == len(node.names):
        return None
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names))
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))
