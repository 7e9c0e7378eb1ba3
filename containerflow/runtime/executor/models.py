"""Which documents an annotation means: `list[Text]`, `Text`, `DocList[Text]`, or nothing."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Union

from pydantic import BaseModel, PydanticSchemaGenerationError, PydanticUserError, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation

from containerflow.wire.documents import Document

__all__ = ["DocumentModel", "adapter_of", "document_model", "from_annotation"]

Listed = Callable[[list[Any]], Any]
"""Turns a list of documents into what a handler's annotation promises."""

_LISTS = (list, Sequence)


@dataclass(frozen=True, slots=True)
class DocumentModel:
    """The documents that a handler takes or returns.

    Attributes:
        item: The annotation of one document.
        classes: The classes that an instance may have.
        adapter: Reads and writes lists of them.
        listed: Makes the declared kind of list; None for Python's own.
    """

    item: Any
    classes: tuple[type[BaseModel], ...]
    adapter: TypeAdapter[list[Any]]
    listed: Listed | None = None

    def fits(self, document: Any) -> bool:
        """Whether a document is an instance of the declared model."""
        return isinstance(document, self.classes)


def from_annotation(annotation: Any, *, single: bool) -> DocumentModel | None:
    """The documents that an annotation means; None if it does not mean documents.

    Args:
        annotation: Evaluated, not its text.
        single: Whether it stands for one document, not for a list.

    Raises:
        TypeError: pydantic cannot make a schema of the model; the message says why.
    """
    if annotation is Any or annotation in _LISTS:
        return document_model(Document)
    if single:
        return document_model(annotation)
    if typing.get_origin(annotation) in _LISTS:
        (item,) = typing.get_args(annotation)
        return document_model(Document if item is Any else item)
    # docarray's DocList[Text] knows its Text.
    item = getattr(annotation, "doc_type", None)
    return document_model(item, annotation) if item is not None else None


def document_model(item: Any, listed: Listed | None = None) -> DocumentModel | None:
    """The model of one document: a pydantic model or a union of some; None for anything else.

    Raises:
        TypeError: pydantic cannot make a schema of the model.
    """
    union = typing.get_origin(item) in (Union, types.UnionType)
    classes = typing.get_args(item) if union else (item,)
    if not all(isinstance(cls, type) and issubclass(cls, BaseModel) for cls in classes):
        return None
    return DocumentModel(item, classes, adapter_of(item), listed)


@lru_cache(maxsize=1024)
def adapter_of(item: Any) -> TypeAdapter[list[Any]]:
    """Reads and writes lists of one kind of document.

    Raises:
        TypeError: pydantic cannot make a schema of the model.
    """
    try:
        return TypeAdapter(list[item])
    except (PydanticSchemaGenerationError, PydanticUndefinedAnnotation, PydanticUserError) as error:
        raise TypeError(str(error)) from error
