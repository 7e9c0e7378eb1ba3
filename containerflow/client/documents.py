"""From what callers hand in to bodies, and from answers to what they asked for."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticSerializationError

from containerflow.errors import Code, RequestError
from containerflow.wire import body
from containerflow.wire.documents import Document

T = TypeVar("T")


async def batches(inputs: Any, size: int) -> AsyncIterator[list[Any]]:
    """Inputs in lists of at most `size` documents; one empty list where there are none.

    Args:
        inputs: One document (a model or a mapping), an iterable or async iterable of them, or None.
        size: At least 1.

    Raises:
        RequestError: INVALID, where something among them is not a document.
    """
    if size < 1:
        raise RequestError(f"request_size must be at least 1, not {size}.", code=Code.INVALID)
    if inputs is None:
        yield []
        return
    if isinstance(inputs, BaseModel | Mapping):
        yield [_checked(inputs)]
        return
    if isinstance(inputs, str | bytes) or not isinstance(inputs, Iterable | AsyncIterable):
        raise _not_documents(inputs)
    sent = False
    if isinstance(inputs, AsyncIterable):
        batch: list[Any] = []
        async for document in inputs:
            batch.append(_checked(document))
            if len(batch) == size:
                yield batch
                sent, batch = True, []
        if batch or not sent:
            yield batch
        return
    iterator = iter(inputs)
    while batch := [_checked(document) for document in islice(iterator, size)]:
        yield batch
        sent = True
    if not sent:
        yield []


def encode(documents: list[Any], parameters: Mapping[str, Any] | None, *, codec: int) -> bytes:
    """A body for these documents.

    Raises:
        RequestError: INVALID, where a value has no form on the wire.
    """
    kinds = {type(document) for document in documents}
    kind = kinds.pop() if len(kinds) == 1 else None
    # Mappings, and documents of several kinds, are written by what each of them is.
    adapter = _list_of(kind if kind is not None and issubclass(kind, BaseModel) else Any)
    try:
        return body.encode(documents, adapter, codec=codec, parameters=parameters or {})
    except (PydanticSerializationError, TypeError) as error:
        raise RequestError(f"A document cannot be sent: {error}.", code=Code.INVALID) from error


def decode(codec: int, answer: bytes, return_type: Any, request_id: str) -> list[Any]:
    """The documents of an answer.

    Args:
        codec: Of the answer.
        answer: The body.
        return_type: A model, `list[Model]`, docarray's `DocList[Model]`, or None for Document.
        request_id: For errors.

    Raises:
        RequestError: INVALID, where the answer does not fit the return type.
    """
    model, collect = _return_type(return_type)
    try:
        documents = body.decode(codec, answer, _list_of(model)).docs
    except body.InvalidBody as error:
        raise RequestError(
            f"The answer does not fit {getattr(model, '__name__', model)}: {error}."
            " Give a return_type that does.",
            code=Code.INVALID,
            request_id=request_id,
            detail=error.detail,
        ) from error
    except body.MalformedBody as error:
        raise RequestError(
            f"The answer cannot be read: {error}.", code=Code.MALFORMED, request_id=request_id
        ) from error
    return documents if collect is None else cast("list[Any]", collect(documents))


def _return_type(return_type: Any) -> tuple[Any, Any]:
    """The model of one document, and what makes the collection; None for a plain list."""
    if return_type is None:
        return Document, None
    if get_origin(return_type) is list:
        (model,) = get_args(return_type)
        return model, None
    doc_type = getattr(return_type, "doc_type", None)
    if doc_type is not None:
        return doc_type, return_type
    return return_type, None


def _checked(document: Any) -> Any:
    if isinstance(document, BaseModel | Mapping):
        return document
    raise _not_documents(document)


def _not_documents(value: Any) -> RequestError:
    return RequestError(
        f"inputs must be documents (pydantic models or dicts), not {type(value).__name__}."
        ' A text goes as {"text": "..."}.',
        code=Code.INVALID,
    )


@lru_cache(maxsize=256)
def _list_of(model: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[model])
