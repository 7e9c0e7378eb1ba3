"""The envelope `{"data": [...], "parameters": {...}}` without models: its text, and its faults.

Beside what callers know, an envelope between Executors says which fields of each document nobody
ever set (`"unset"`, one list a document), and an answer has a `"header"` with the request's id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from containerflow.wire import contract_pb2
from containerflow.wire.binary import LayoutError, unpack
from containerflow.wire.tensors import References, TensorReferenceError

__all__ = [
    "BINARY",
    "JSON",
    "Content",
    "Fallback",
    "InvalidBody",
    "MalformedBody",
    "follow",
    "malformed_json",
    "read",
    "split",
    "unknown_codec",
    "write",
    "write_plain",
]

JSON: int = contract_pb2.CODEC_JSON
BINARY: int = contract_pb2.CODEC_BINARY

Fallback = Callable[[Any], Any]
"""Says what stands for a value that pydantic-core cannot write."""

SHAPE_ADVICE = 'the body should be an object such as {"data": [{"text": "..."}]}'


class MalformedBody(ValueError):  # noqa: N818
    """A body is not in the codec that it claims; the message says where it is broken."""


class InvalidBody(ValueError):  # noqa: N818
    """A body's documents or parameters do not fit the declared models.

    Args:
        detail: One mapping a fault: `loc` (the path, from `data` or `parameters`), `msg`, `type`.
    """

    def __init__(self, detail: list[dict[str, Any]]) -> None:
        super().__init__(
            "; ".join(f"{_path(fault['loc'])}: {fault['msg']}" for fault in detail[:3])
        )
        self.detail = detail


class Content(NamedTuple):
    """What an envelope holds, as mappings, lists and scalars."""

    data: list[Any]
    parameters: dict[str, Any]
    unset: list[list[str]]


def split(codec: int, body: bytes) -> tuple[bytes, References | None]:
    """A body's JSON text, and its tensors if it has any; an empty body is an empty envelope.

    Raises:
        MalformedBody: The bytes are not in the codec.
    """
    if codec == BINARY:
        try:
            text, references = unpack(body)
        except LayoutError as error:
            raise MalformedBody(f"the binary body is broken: {error}") from error
        return text or b"{}", references
    if codec not in (JSON, contract_pb2.CODEC_UNSPECIFIED):
        raise unknown_codec(codec)
    return body or b"{}", None


def read(codec: int, body: bytes) -> Content:
    """Read an envelope without a model.

    Raises:
        MalformedBody: The bytes are not in the codec.
        InvalidBody: They are not an envelope.
    """
    text, references = split(codec, body)
    try:
        raw = from_json(text)
    except ValueError as error:
        raise malformed_json(str(error)) from error
    if not isinstance(raw, dict):
        raise InvalidBody([{"loc": ["data"], "msg": SHAPE_ADVICE, "type": "dict_type"}])
    data, parameters = raw.get("data"), raw.get("parameters")
    if isinstance(data, dict):
        data = [data]
    if not isinstance(data, list | None):
        raise InvalidBody([_fault("data", "list_type", "Input should be a valid array")])
    if not isinstance(parameters, dict | None):
        raise InvalidBody([_fault("parameters", "dict_type", "Input should be an object")])
    content = Content(data or [], parameters or {}, _marks(raw.get("unset")))
    if references is None:
        return content
    # Left as opaque tensors: who unites or passes on does not need numpy.
    return Content(
        follow(content.data, references, references.tensor),
        follow(content.parameters, references, references.tensor),
        content.unset,
    )


def write(
    data: bytes,
    parameters: Mapping[str, Any],
    unset: Sequence[Sequence[str]],
    request_id: str,
    fallback: Fallback,
) -> bytes:
    """The JSON text of an envelope whose `data` is written already; empty parts are left out."""
    pieces = [b'{"data":', data]
    if parameters:
        pieces += (b',"parameters":', write_plain(parameters, fallback))
    if unset:
        pieces += (b',"unset":', to_json(unset))
    if request_id:
        # Letters and digits need no escapes, and nearly all ids are made of them.
        quoted = f'"{request_id}"' if request_id.isalnum() else json.dumps(request_id)
        pieces += (b',"header":{"requestId":', quoted.encode(), b"}")
    pieces.append(b"}")
    return b"".join(pieces)


def write_plain(value: Any, fallback: Fallback) -> bytes:
    """JSON text of a value without a model, by the same rules as documents have."""
    return to_json(value, bytes_mode="base64", inf_nan_mode="strings", fallback=fallback)


def follow(value: Any, references: References, resolve: Callable[[dict[str, Any]], Any]) -> Any:
    """Put tensors in the place of references that no model knew of, however deep they lie.

    Raises:
        MalformedBody: A reference does not fit its segment.
    """
    try:
        return _follow(value, references, resolve)
    except TensorReferenceError as error:
        raise MalformedBody(f"the binary body is broken: {error}") from error


def malformed_json(why: str) -> MalformedBody:
    """The exception for text that is not JSON; `why` says where, by line and column."""
    return MalformedBody(f"the body is not JSON: {why}")


def unknown_codec(codec: int) -> MalformedBody:
    """The exception for a codec that this version does not know."""
    return MalformedBody(
        f"codec {codec} is not known here; the sender runs a newer containerflow than the receiver"
    )


def _follow(value: Any, references: References, resolve: Callable[[dict[str, Any]], Any]) -> Any:
    if isinstance(value, dict):
        if references.is_reference(value):
            return resolve(value)
        for key, inner in value.items():
            value[key] = _follow(inner, references, resolve)
    elif isinstance(value, list):
        value[:] = [_follow(inner, references, resolve) for inner in value]
    elif isinstance(value, BaseModel):
        # Past validation, which has no say in fields that it does not know, and would refuse
        # to assign to frozen models.
        _follow(value.__dict__, references, resolve)
        if value.__pydantic_extra__:
            _follow(value.__pydantic_extra__, references, resolve)
    return value


def _marks(unset: Any) -> list[list[str]]:
    if not isinstance(unset, list | None):
        raise InvalidBody([_fault("unset", "list_type", "Input should be a valid array")])
    for index, names in enumerate(unset or []):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            fault = _fault("unset", "list_type", "Input should be an array of strings")
            raise InvalidBody([fault | {"loc": ["unset", index]}])
    return unset or []


def _fault(place: str, kind: str, message: str) -> dict[str, Any]:
    return {"loc": [place], "msg": message, "type": kind}


def _path(loc: Iterable[Any]) -> str:
    return ".".join(str(step) for step in loc)
