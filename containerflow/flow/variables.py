"""`${{ ... }}` in a document.

- `${{ ENV.NAME }}`: an environment variable of the process that reads the Flow.
- `${{ CONTEXT.name }}` or `${{ name }}`: a value that the caller gives; `a.b` looks into mappings.
- `${{root.a.b}}`: another value of the document, from its root; `a[0]` and `a.0` are an item of
  a list.
- `${{this.key}}`: a neighbour in the same mapping.
- `$${{` is `${{` itself, and with one dollar sign more in the text there is one more in the value.
  So a value that must keep its `${{ x }}`, for another tool, is written `$${{ x }}`.

A value without quotes that is one variable and nothing else takes the type of what it stands for;
in quotes, or within other text, it is text. Keys are taken as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from containerflow.errors import VariableError
from containerflow.flow.document import Document, PlainText, plain_value
from containerflow.flow.place import Path

_TOKEN = re.compile(r"\$(?P<literal>\$+)\{\{|\$\{\{(?:(?P<reference>[^{}]*)\}\})?")
_REFERENCE = re.compile(
    r"(?:(?P<scope>ENV|CONTEXT|root|this)\.)?(?P<path>[\w-]+(?:[.\[][\w.\[\]-]*)?)"
)
_STEP = re.compile(r"[^.\[\]]+")


def escaped(text: str) -> str:
    """The text that expands to `text`.

    Example:
        >>> escaped("${{ x }}")
        '$${{ x }}'
    """
    return re.sub(r"\$+\{\{", r"$\g<0>", text)


def expand(document: Document, *, environ: Mapping[str, str], context: Mapping[str, Any]) -> None:
    """Put values in the place of all variables of a document.

    Args:
        document: Changed in place; its places stay.
        environ: What `ENV` is.
        context: What `CONTEXT` is.

    Raises:
        VariableError: A variable has no value, or is none.
    """
    document.data = _Expansion(document, environ, context).value(document.data, ())


class _Expansion:
    def __init__(
        self, document: Document, environ: Mapping[str, str], context: Mapping[str, Any]
    ) -> None:
        self._document = document
        self._raw = document.data
        self._environ = environ
        self._context = context
        self._open: list[Path] = []

    def value(self, raw: Any, path: Path) -> Any:
        """The value of a piece of the document, all variables in it replaced."""
        match raw:
            case dict():
                return {key: self.value(item, (*path, key)) for key, item in raw.items()}
            case list():
                return [self.value(item, (*path, index)) for index, item in enumerate(raw)]
            case str() if "${{" in raw:
                return self._text(raw, path)
            case str():
                return str(raw)
        return raw

    def _text(self, raw: str, path: Path) -> Any:
        if path in self._open:
            raise self._error(f"`{raw}` goes round in a circle.", path, "Break the circle.")
        self._open.append(path)
        try:
            whole = _TOKEN.fullmatch(raw)
            if whole and whole["literal"] is None:
                value, text = self._reference(whole, path)
                if isinstance(raw, PlainText):
                    self._document.texts[path] = text
                    return value
                return value if isinstance(value, dict | list) else text
            return _TOKEN.sub(lambda token: self._inline(token, path), raw)
        finally:
            self._open.pop()

    def _inline(self, token: re.Match[str], path: Path) -> str:
        if token["literal"] is not None:
            return f"{token['literal']}{{{{"
        value, text = self._reference(token, path)
        if isinstance(value, dict | list):
            raise self._error(
                f"`{token[0]}` is not a single value, and cannot stand within text.", path
            )
        return text

    def _reference(self, token: re.Match[str], path: Path) -> tuple[Any, str]:
        """What a variable stands for: its value, and the same as text."""
        written = token[0]
        reference = _REFERENCE.fullmatch((token["reference"] or "").strip())
        if reference is None:
            raise self._error(
                f"`{written}` is not a variable.",
                path,
                "Variables are ${{ ENV.X }}, ${{ CONTEXT.x }}, ${{root.a.b}} and ${{this.a}}; "
                "write $${{ for the characters ${{ themselves.",
            )
        scope, name = reference["scope"], reference["path"]
        match scope:
            case "ENV":
                return self._from_environment(name, written, path)
            case "root":
                return self._from_document((), name, written, path)
            case "this":
                here = path[:-1]
                while here and isinstance(here[-1], int):
                    here = here[:-1]
                return self._from_document(here, name, written, path)
        return self._from_context(name, written, path)

    def _from_environment(self, name: str, written: str, path: Path) -> tuple[Any, str]:
        if name not in self._environ:
            raise self._error(
                f"`{written}`: the environment variable {name} is not set.",
                path,
                f"Set {name}{_or_nearest(name, self._environ)}.",
            )
        text = self._environ[name]
        return plain_value(text), text

    def _from_context(self, name: str, written: str, path: Path) -> tuple[Any, str]:
        value: Any = self._context
        for step in (name,) if name in self._context else _STEP.findall(name):
            if not isinstance(value, Mapping) or step not in value:
                known = value if isinstance(value, Mapping) else {}
                raise self._error(
                    f"`{written}`: the context has no value of that name.",
                    path,
                    f"Give `context` a value for {name}{_or_nearest(step, known)}.",
                )
            value = value[step]
        return value, _as_text(value)

    def _from_document(self, start: Path, name: str, written: str, path: Path) -> tuple[Any, str]:
        raw, target = self._raw, start
        for step in start:
            raw = raw[step]
        for step in _STEP.findall(name):
            at: str | int = step
            if isinstance(raw, list) and step.isdecimal() and int(step) < len(raw):
                at = int(step)
            elif not isinstance(raw, dict) or step not in raw:
                known = raw if isinstance(raw, dict) else ()
                raise self._error(
                    f"`{written}`: the document has no such value.",
                    path,
                    f"Look for {step!r} in it{_or_nearest(step, known)}.",
                )
            raw, target = raw[at], (*target, at)
        if path[: len(target)] == target:
            raise self._error(f"`{written}` stands within what it names.", path)
        value = self.value(raw, target)
        if isinstance(value, str | dict | list):
            return value, _as_text(value)
        return value, self._document.texts.get(target, _as_text(value))

    def _error(self, message: str, path: Path, remedy: str = "") -> VariableError:
        mark = self._document.mark(path)
        return VariableError(
            message, source=mark.source, line=mark.line, column=mark.column, remedy=remedy
        )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _or_nearest(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name, [str(other) for other in known], n=1)
    return f", or did you mean {nearest[0]}" if nearest else ""
