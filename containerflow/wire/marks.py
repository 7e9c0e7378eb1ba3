"""What travels about a document beside its fields: which of them nobody set, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, get_args

from pydantic import BaseModel

__all__ = ["forget_unset", "name_documents", "name_mappings", "unset_fields"]

_IMMUTABLE = (str, int, float, bool, bytes, type(None), tuple, frozenset)


def unset_fields(docs: Sequence[BaseModel]) -> list[list[str]]:
    """For each document, the fields as the wire names them that nobody set; empty if none has any.

    A default that was changed in place (`doc.tags.append(...)`) counts as set.
    """
    marks = [_unset(doc) for doc in docs]
    return marks if any(marks) else []


def forget_unset(docs: Sequence[BaseModel], marks: Sequence[Sequence[str]]) -> None:
    """Make documents that were just read forget that their defaults were in the body."""
    for doc, names in zip(docs, marks, strict=False):
        if names:
            wire_names = _wire_names(type(doc))
            doc.__pydantic_fields_set__.difference_update(
                field for field, name in wire_names.items() if name in names
            )


def name_documents(docs: Sequence[BaseModel], body: bytes, request_id: str) -> None:
    """Give documents that came without an id one that follows from the request and the body.

    The Gateway sends the same bytes to each branch of a fan-out without reading them, so this is
    how branches agree on the name of a document that the caller did not name.
    """
    seed = ""
    for index, doc in enumerate(docs):
        if "id" not in doc.__pydantic_fields_set__ and _is_named(type(doc)):
            seed = seed or _seed(body, request_id)
            doc.__dict__["id"] = f"{seed}{index:08x}"


def name_mappings(docs: Sequence[Any], body: bytes, request_id: str) -> None:
    """As `name_documents`, for documents that were read without a model."""
    seed = _seed(body, request_id)
    for index, doc in enumerate(docs):
        if isinstance(doc, dict):
            doc.setdefault("id", f"{seed}{index:08x}")


def _seed(body: bytes, request_id: str) -> str:
    # The body is part of it: callers may give several requests of theirs one request id.
    return blake2b(request_id.encode() + b"\n" + body, digest_size=12).hexdigest()


@lru_cache(maxsize=1024)
def _is_named(model: type[BaseModel]) -> bool:
    """Whether instances name themselves at random when nobody else does, as Document's do."""
    field = model.__pydantic_fields__.get("id")
    if field is None or field.default_factory is None:
        return False
    kinds = get_args(field.annotation) or (field.annotation,)
    return any(isinstance(kind, type) and issubclass(kind, str) for kind in kinds)


def _unset(doc: BaseModel) -> list[str]:
    fields = type(doc).__pydantic_fields__
    names = fields.keys() - doc.__pydantic_fields_set__
    names.discard("id")
    if not names:
        return []
    wire_names = _wire_names(type(doc))
    return sorted(wire_names[name] for name in names if _is_default(doc, name))


def _is_default(doc: BaseModel, name: str) -> bool:
    value = doc.__dict__.get(name)
    if isinstance(value, _IMMUTABLE):
        return True
    default = (
        type(doc)
        .__pydantic_fields__[name]
        .get_default(call_default_factory=True, validated_data=doc.__dict__)
    )
    same = value == default
    # An array compares element by element; what has no single answer was not left alone.
    return same if isinstance(same, bool) else bool(getattr(same, "all", lambda: False)())


@lru_cache(maxsize=1024)
def _wire_names(model: type[BaseModel]) -> dict[str, str]:
    return {
        name: field.serialization_alias or field.alias or name
        for name, field in model.__pydantic_fields__.items()
    }
