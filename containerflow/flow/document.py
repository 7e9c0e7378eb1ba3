"""YAML or JSON text as plain data that remembers where each piece of it stands.

The YAML is that of Jina's users: YAML 1.1 in what counts as a boolean, save that `on` and `off`
are text. What YAML 1.1 turns into something that nobody meant stays text: dates, times of day such
as 12:30, and numbers with leading zeros. Tags are refused: nothing in a document is ever executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.emitter import Emitter
from yaml.parser import Parser
from yaml.reader import Reader, ReaderError
from yaml.representer import SafeRepresenter
from yaml.resolver import BaseResolver
from yaml.scanner import Scanner
from yaml.serializer import Serializer

from containerflow.errors import YamlError
from containerflow.flow.place import Mark, Path

MAX_PIECES = 100_000
"""Anchors can make a small text unfold without end; no Flow has as many pieces."""

_TAG = "tag:yaml.org,2002:"
_ODD_BREAK = re.compile("[\r\x85\u2028\u2029]")
_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\t')


class PlainText(str):
    """Text that stood without quotes, and so takes the type of what a variable in it gives."""

    __slots__ = ()


@dataclass(slots=True)
class Document:
    """Data and its places.

    Attributes:
        data: Mappings, lists and scalars.
        source: The file, or a word for text that has none.
        keys: Where each key of a mapping stands.
        values: Where each value stands.
        texts: Scalars without quotes, as they were written: 1.10 is not 1.1 everywhere.
    """

    data: Any
    source: str = ""
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        """The place of a piece, or of the nearest piece around it whose place is known.

        Args:
            path: The way to the piece.
            key: Whether the key is meant, not the value.
        """
        if key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Mark(self.source)


class _Resolver(BaseResolver):
    """What the type of a scalar without quotes is; reading and writing agree on it."""


for _name, _pattern, _first in (
    ("bool", r"yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE", "yYnNtTfF"),
    ("int", r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F]+|0o[0-7]+|0b[01]+)", "-+0123456789"),
    (
        "float",
        r"[-+]?([0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[0-9][0-9_]*(?=[eE]))([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Resolver.add_implicit_resolver(_TAG + _name, re.compile(rf"(?:{_pattern})\Z"), list(_first))


class _Reader(Reader, Scanner, Parser, Composer, _Resolver):
    def __init__(self, text: str | bytes) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        _Resolver.__init__(self)


class Writer(Emitter, Serializer, SafeRepresenter, _Resolver):
    """A dumper for `yaml.dump` whose text `read` understands."""

    def __init__(self, stream: Any, **options: Any) -> None:
        representing = ("default_style", "default_flow_style", "sort_keys")
        emitting = ("canonical", "indent", "width", "allow_unicode", "line_break")
        kept = {key: options.pop(key) for key in representing if key in options}
        Emitter.__init__(
            self, stream, **{key: options.pop(key) for key in emitting if key in options}
        )
        Serializer.__init__(self, **options)
        SafeRepresenter.__init__(self, **kept)
        _Resolver.__init__(self)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Anchors would only make the text harder to read."""
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Text; where it has line breaks other than `\\n`, in quotes that can escape them."""
        style = '"' if _ODD_BREAK.search(data) else None
        return self.represent_scalar(_TAG + "str", data, style=style)


Writer.add_representer(str, Writer.represent_str)


def read(content: str | bytes, source: str) -> Document:
    """Read YAML or JSON text.

    Args:
        content: The text; bytes are UTF-8 or UTF-16.
        source: What to call it in messages.

    Raises:
        YamlError: It is not YAML, it has a tag, or a key twice.
    """
    document = Document(data=None, source=source)
    try:
        node = _Reader(_without_tabs(content)).get_single_node()
        if node is not None:
            document.data = _Construction(document).construct(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        fault = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(
            f"This is not YAML: {fault}.",
            source=source,
            line=place[0],
            column=place[1],
            remedy=_remedy(fault),
        ) from error
    except ReaderError as error:
        raise _unreadable(error, content, source) from error
    except RecursionError as error:
        raise YamlError("This is nested too deeply to be a Flow.", source=source) from error
    return document


def _without_tabs(content: str | bytes) -> str | bytes:
    """JSON may be indented with tabs, which YAML forbids; places stay the same."""
    if isinstance(content, str) and "\t" in content and content.lstrip().startswith("{"):
        return _JSON_TOKEN.sub(lambda token: " " if token[0] == "\t" else token[0], content)
    return content


def _remedy(fault: str) -> str:
    if "'\\t'" in fault:
        return "Indent with spaces, not tabs."
    if "mapping values are not allowed" in fault:
        return "Quote text that has a colon and a space in it, and check the indentation."
    return ""


def _unreadable(error: ReaderError, content: str | bytes, source: str) -> YamlError:
    position = error.position if isinstance(error.position, int) else 0
    before = content[:position]
    text = before if isinstance(before, str) else before.decode("utf-8", "replace")
    return YamlError(
        f"This is not text: {error.reason}.",
        source=source,
        line=text.count("\n") + 1,
        column=len(text) - (text.rfind("\n") + 1) + 1,
        remedy="Save the file as UTF-8.",
    )


class _Construction:
    """Turns nodes into data and notes the place of each."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._open: set[int] = set()
        self._pieces = 0

    def construct(self, node: yaml.Node, path: Path) -> Any:
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise self._error(f"This unfolds to more than {MAX_PIECES:,} pieces.", node)
        self._document.values[path] = self._mark(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            raise self._error("This contains itself, by an anchor and an alias.", node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                self._refuse_tag(node, "seq")
                return [self.construct(item, (*path, at)) for at, item in enumerate(node.value)]
            self._refuse_tag(node, "map")
            data: dict[str, Any] = {}
            for key, key_node, value in self._pairs(node):
                here = (*path, key)
                self._document.keys[here] = self._mark(key_node)
                data[key] = self.construct(value, here)
            return data
        finally:
            self._open.discard(id(node))

    def _pairs(self, node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """The pairs of a mapping, first those that `<<` merges in, which its own ones replace."""
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value in node.value:
            if key_node.tag == _TAG + "merge":
                sources = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for source in sources:
                    if not isinstance(source, yaml.MappingNode) or source is node:
                        raise self._error("`<<` merges mappings, and this is none.", value)
                    for key, merged_key, merged_value in self._pairs(source):
                        merged.setdefault(key, (merged_key, merged_value))
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error("A key must be text.", key_node)
            self._refuse_tag(key_node, "str", "int", "float", "bool", "null")
            key = _joined(str(key_node.value))
            if key in own:
                first = own[key][0].start_mark.line + 1
                raise self._error(
                    f"The key `{key}` stands here twice, first in line {first}.", key_node
                )
            own[key] = (key_node, value)
        for key, (key_node, value) in {**merged, **own}.items():
            yield key, key_node, value

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        self._refuse_tag(node, "str", "int", "float", "bool", "null", "merge")
        text = str(node.value)
        is_plain = node.style is None
        if is_plain:
            self._document.texts[path] = text
        kind = str(node.tag).removeprefix(_TAG)
        try:
            value = scalar(text, kind)
        except ValueError:
            raise self._error(f"{text!r} is not a value of type {kind}.", node) from None
        return PlainText(value) if is_plain and isinstance(value, str) else value

    def _refuse_tag(self, node: yaml.Node, *allowed: str) -> None:
        if str(node.tag).removeprefix(_TAG) in allowed:
            return
        tag = str(node.tag).replace(_TAG, "!!")
        remedy = "Write `jtype: Flow` instead." if tag == "!Flow" else "Take the tag away."
        raise self._error(f"The tag {tag} is not read.", node, remedy)

    def _mark(self, node: yaml.Node) -> Mark:
        mark = node.start_mark
        return Mark(self._document.source, mark.line + 1, mark.column + 1)

    def _error(self, message: str, node: yaml.Node, remedy: str = "") -> YamlError:
        mark = self._mark(node)
        return YamlError(
            message, source=mark.source, line=mark.line, column=mark.column, remedy=remedy
        )


def scalar(text: str, kind: str) -> Any:
    """The value of a scalar.

    Args:
        text: As written.
        kind: `null`, `bool`, `int`, `float`, or anything else for text.

    Raises:
        ValueError: The text is no value of that type.
    """
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() in ("yes", "true")
        case "int":
            return int(text, 0)
        case "float":
            return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    return _joined(text)


def plain_value(text: str) -> Any:
    """The value that text has where it stands in YAML without quotes.

    Example:
        >>> plain_value("8080"), plain_value("007")
        (8080, '007')
    """
    tag: str = _Resolver().resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return scalar(text, tag.removeprefix(_TAG))


def _joined(text: str) -> str:
    """JSON escapes a character beyond U+FFFF as two halves, which YAML leaves apart."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        return str(json.loads(json.dumps(text)))
    return text
