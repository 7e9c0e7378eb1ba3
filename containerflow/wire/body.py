"""Bodies in either codec: written from documents, and read into the model that a handler declares.

Only the two ends of a hop call these functions. pydantic-core parses JSON text straight into the
declared model, and writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter
from pydantic_core import (
    ErrorDetails,
    SchemaSerializer,
    SchemaValidator,
    ValidationError,
    core_schema,
    from_json,
    to_json,
)

from containerflow.wire.binary import pack
from containerflow.wire.envelope import (
    BINARY,
    JSON,
    SHAPE_ADVICE,
    InvalidBody,
    MalformedBody,
    follow,
    malformed_json,
    read,
    split,
    unknown_codec,
    write,
    write_plain,
)
from containerflow.wire.join import merge
from containerflow.wire.marks import forget_unset, name_documents, unset_fields
from containerflow.wire.tensors import References, Segments, plain

__all__ = [
    "BINARY",
    "JSON",
    "Envelope",
    "InvalidBody",
    "MalformedBody",
    "decode",
    "encode",
    "finish",
    "merge",
    "validation_detail",
]

T = TypeVar("T", bound=BaseModel)

MAX_FAULTS = 100
"""A body with more faults than this gets the first ones told."""

_CONFIG = core_schema.CoreConfig(ser_json_bytes="base64", ser_json_inf_nan="strings")


class Envelope(NamedTuple, Generic[T]):
    """What a body holds."""

    docs: list[T]
    parameters: dict[str, Any]


def encode(
    docs: Sequence[T],
    adapter: TypeAdapter[list[T]],
    *,
    codec: int,
    parameters: Mapping[str, Any] = {},
    request_id: str = "",
    mark_unset: bool = False,
) -> bytes:
    """Write an envelope.

    Args:
        docs: The documents; instances of the adapter's model.
        adapter: Knows the documents' model.
        codec: CODEC_JSON (which unspecified means too) or CODEC_BINARY.
        parameters: Left out where empty.
        request_id: Goes into a JSON answer's header; empty for no header.
        mark_unset: Say which fields of each document nobody set, for a join further on.

    Raises:
        MalformedBody: The codec is unknown.
        pydantic_core.PydanticSerializationError: A value has no form in the codec.

    Example:
        >>> from containerflow.wire.documents import Document
        >>> encode([Document(id="a", text="hi")], TypeAdapter(list[Document]), codec=JSON)
        b'{"data":[{"id":"a","text":"hi"}]}'
    """
    serializer = _compiled(adapter).serializer
    unset = unset_fields(docs) if mark_unset else ()
    if codec == BINARY:

        def dump(segments: Segments) -> bytes:
            data = serializer.to_json(
                docs, by_alias=True, context=segments, fallback=segments.fallback
            )
            return write(data, parameters, unset, "", segments.fallback)

        return pack(dump)
    if codec > JSON:
        raise unknown_codec(codec)
    data = serializer.to_json(docs, by_alias=True, fallback=plain)
    return write(data, parameters, unset, request_id, plain)


def decode(
    codec: int, body: bytes, adapter: TypeAdapter[list[T]], *, request_id: str = ""
) -> Envelope[T]:
    """Read an envelope into the declared model.

    `data` may be a list, one object (a list of one) or absent (no documents); an empty body is an
    empty envelope. Arrays of a BINARY body are read-only views on `body`: nothing is copied.

    Args:
        codec: CODEC_JSON (which unspecified means too) or CODEC_BINARY.
        body: The bytes.
        adapter: Knows the documents' model.
        request_id: Where it is given, a Document that came without an id gets one that follows
            from the request and the body, so that branches which read the same bytes agree on it.

    Raises:
        MalformedBody: The bytes are not in the codec.
        InvalidBody: The documents do not fit the model.

    Example:
        >>> from containerflow.wire.documents import Document
        >>> decode(JSON, b'{"data": {"text": "hi"}}', TypeAdapter(list[Document])).docs[0].text
        'hi'
    """
    text, references = split(codec, body)
    validator = _compiled(adapter).validator
    try:
        envelope = validator.validate_json(text, context=references)
    except ValidationError as error:
        envelope = _decode_again(error, text, references, validator)
    docs: list[T] = envelope.get("data") or []
    parameters: dict[str, Any] = envelope.get("parameters") or {}
    if references is not None and not references.is_complete:
        docs = follow(docs, references, references.value)
        parameters = follow(parameters, references, references.value)
    # Executors tell each other in BINARY; in JSON it would be a caller's, who has no say in it.
    if codec == BINARY and (unset := envelope.get("unset")):
        forget_unset(docs, unset)
    if request_id:
        name_documents(docs, body, request_id)
    return Envelope(docs, parameters)


def finish(codec: int, body: bytes, request_id: str) -> bytes:
    """Turn any body into the JSON answer that a caller sees: with a header, without inner marks.

    Raises:
        MalformedBody: The bytes are not in the codec.
        InvalidBody: They are not an envelope.

    Example:
        >>> finish(JSON, b'{"data": {"text": "hi"}}', "r1")
        b'{"data":[{"text":"hi"}],"header":{"requestId":"r1"}}'
    """
    content = read(codec, body)
    data = write_plain(content.data, plain)
    return write(data, content.parameters, (), request_id, plain)


def validation_detail(error: ValidationError, *prefix: str) -> list[dict[str, Any]]:
    """The faults that pydantic found, as they stand in an InvalidBody.

    Args:
        error: What pydantic raised.
        prefix: First steps of each path.
    """
    return [
        {"loc": [*prefix, *fault["loc"]], "msg": fault["msg"], "type": fault["type"]}
        for fault in _faults(error)[:MAX_FAULTS]
    ]


class _Compiled(NamedTuple):
    validator: SchemaValidator
    serializer: SchemaSerializer


@lru_cache(maxsize=1024)
def _compiled(adapter: TypeAdapter[Any]) -> _Compiled:
    field = core_schema.typed_dict_field
    mapping = core_schema.dict_schema(core_schema.str_schema())
    marks = core_schema.list_schema(core_schema.list_schema(core_schema.str_schema()))
    envelope = core_schema.typed_dict_schema(
        {
            "data": field(adapter.core_schema, required=False),
            "parameters": field(core_schema.nullable_schema(mapping), required=False),
            "unset": field(core_schema.nullable_schema(marks), required=False),
        },
        extra_behavior="ignore",
    )
    return _Compiled(SchemaValidator(envelope), SchemaSerializer(adapter.core_schema, _CONFIG))


def _decode_again(
    error: ValidationError, text: bytes, references: References | None, validator: SchemaValidator
) -> dict[str, Any]:
    """The seldom cases, off the quick path: one object instead of a list, null, and faults."""
    faults = _faults(error)
    if faults[0]["type"] == "json_invalid":
        raise malformed_json(faults[0]["msg"].removeprefix("Invalid JSON: ")) from error
    if faults[0]["loc"] == ():
        raise InvalidBody(
            [{"loc": ["data"], "msg": SHAPE_ADVICE, "type": faults[0]["type"]}]
        ) from error
    if faults[0]["loc"] == ("data",):
        raw = from_json(text)
        if raw["data"] is None or isinstance(raw["data"], dict):
            raw["data"] = [] if raw["data"] is None else [raw["data"]]
            try:
                envelope: dict[str, Any] = validator.validate_json(to_json(raw), context=references)
            except ValidationError as still:
                raise InvalidBody(validation_detail(still)) from still
            return envelope
    raise InvalidBody(validation_detail(error)) from error


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=False, include_input=False)
