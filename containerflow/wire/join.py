"""How the answers of a join's branches become one body."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from containerflow.wire.binary import pack
from containerflow.wire.contract_pb2 import Part
from containerflow.wire.envelope import BINARY, JSON, Content, read, write, write_plain
from containerflow.wire.marks import name_mappings
from containerflow.wire.tensors import Segments, plain

__all__ = ["merge"]

RESULTS = "__results__"
"""The parameter that holds what handlers returned as mappings, by the Executor's name."""


def merge(parts: Sequence[Part], *, request_id: str = "") -> tuple[int, bytes]:
    """Unite the answers of a join's branches.

    Documents are united by id, in order of first appearance over the parts, left to right; where
    an id occurs several times in one part, the first unites with the first, the second with the
    second. A document without an id stays alone. For each field the left-most value that somebody
    set wins; null, and fields that nobody set, give way to it. Parameters: the left-most value
    wins.

    Args:
        parts: The branches, in declared order of `needs`.
        request_id: Where it is given, documents of the caller's own part (which has no source)
            that have no id get the one that `decode` gives them.

    Returns:
        The codec (CODEC_BINARY where any part is) and the united body.

    Raises:
        MalformedBody: A part is not in its codec.
        InvalidBody: A part is not an envelope.

    Example:
        >>> left = Part(codec=JSON, body=b'{"data":[{"id":"1","a":null}]}')
        >>> right = Part(codec=JSON, body=b'{"data":[{"id":"1","a":2}]}')
        >>> merge([left, right])
        (1, b'{"data":[{"id":"1","a":2}]}')
    """
    if len(parts) == 1:
        return parts[0].codec or JSON, parts[0].body
    union = _Union()
    for part in parts:
        content = read(part.codec, part.body)
        if request_id and not part.source:
            name_mappings(content.data, part.body, request_id)
            # Marks are between Executors; a caller has no say in them.
            content = content._replace(unset=[])
        union.add(content)
    if any(part.codec == BINARY for part in parts):
        return BINARY, pack(union.dump)
    return JSON, union.text(plain)


@dataclass(slots=True)
class _United:
    """One document: its fields so far, and which of them nobody has set yet."""

    fields: Any
    unset: set[str]


class _Union:
    """The documents and parameters of the parts so far."""

    def __init__(self) -> None:
        self._documents: dict[Hashable, _United] = {}
        self._parameters: dict[str, Any] = {}

    def add(self, content: Content) -> None:
        """Take in the next part to the right."""
        seen: dict[Hashable, int] = {}
        for index, fields in enumerate(content.data):
            unset = set(content.unset[index]) if index < len(content.unset) else set()
            name = _name(fields)
            if name is None:
                self._documents[_Alone()] = _United(fields, unset)
                continue
            occurrence = seen[name] = seen.get(name, -1) + 1
            known = self._documents.setdefault((name, occurrence), _United({}, set()))
            _unite(known, fields, unset)
        for key, value in content.parameters.items():
            if key == RESULTS and isinstance(value, dict):
                others = self._parameters.get(key)
                # A caller may have put anything there.
                self._parameters[key] = value | others if isinstance(others, dict) else value
            else:
                self._parameters.setdefault(key, value)

    def dump(self, segments: Segments) -> bytes:
        """The JSON text, with tensors put into segments."""
        return self.text(segments.fallback)

    def text(self, fallback: Any) -> bytes:
        """The JSON text."""
        docs = [one.fields for one in self._documents.values()]
        unset = [sorted(one.unset) for one in self._documents.values()]
        return write(
            write_plain(docs, fallback), self._parameters, unset if any(unset) else [], "", fallback
        )


class _Alone:
    """The key of a document that unites with no other."""


def _name(fields: Any) -> Hashable:
    name = fields.get("id") if isinstance(fields, dict) else None
    # Only these: True would unite with 1, and a list cannot be a key.
    return name if type(name) in (str, int) else None


def _unite(known: _United, fields: dict[str, Any], unset: set[str]) -> None:
    for key, value in fields.items():
        is_set = value is not None and key not in unset
        if key not in known.fields:
            known.fields[key] = value
            if key in unset:
                known.unset.add(key)
        elif is_set and (known.fields[key] is None or key in known.unset):
            known.fields[key] = value
            known.unset.discard(key)
