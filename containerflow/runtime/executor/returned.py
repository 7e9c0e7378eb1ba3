"""What a handler returned, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, SerializeAsAny, TypeAdapter

from containerflow.runtime.executor.models import DocumentModel, adapter_of
from containerflow.runtime.executor.signature import Signature

__all__ = ["Outcome", "WrongReturnError", "outcome"]


class WrongReturnError(Exception):
    """A handler returned what it may not; the message says what, as the end of a sentence."""


class Outcome(NamedTuple):
    """What goes into the answer.

    Attributes:
        docs: The documents.
        adapter: Writes them.
        results: What the handler returned as a mapping; None if it did not.
    """

    docs: list[Any]
    adapter: TypeAdapter[list[Any]]
    results: Mapping[str, Any] | None = None


def outcome(signature: Signature, docs: Any, returned: Any) -> Outcome:
    """Make sense of what a handler returned.

    Args:
        signature: The handler's.
        docs: The documents that it was given, which it may have changed in place.
        returned: What it returned; for a handler of one document, the list of what it returned.

    Raises:
        WrongReturnError: It is neither documents of the declared model, nor a mapping, nor None.
    """
    if type(returned) is list and signature.takes != "doc":
        # Most handlers, without a look at abstract base classes.
        return Outcome(returned, _adapter(returned, signature.outputs, signature))
    if signature.takes == "doc":
        # A document for which nothing was returned was changed in place.
        given = [
            before if after is None else after for before, after in zip(docs, returned, strict=True)
        ]
        in_place = any(after is None for after in returned)
        return Outcome(given, _adapter(given, None if in_place else signature.outputs, signature))
    if returned is None or isinstance(returned, Mapping):
        kept = _as_list(docs)
        return Outcome(kept, _adapter(kept, signature.inputs, signature), returned)
    if isinstance(returned, BaseModel):
        returned = [returned]
        return Outcome(returned, _adapter(returned, signature.outputs, signature))
    if isinstance(returned, str | bytes) or not isinstance(returned, Iterable):
        raise WrongReturnError(
            f"{_a(type(returned))}; a handler returns a list of documents, one document, a dict, "
            "or None"
        )
    if not isinstance(returned, list | tuple) and not hasattr(type(returned), "doc_type"):
        raise WrongReturnError(f"{_a(type(returned))} where a list of documents should be")
    kept = list(returned)
    return Outcome(kept, _adapter(kept, signature.outputs, signature))


def _adapter(
    docs: list[Any], model: DocumentModel | None, signature: Signature
) -> TypeAdapter[list[Any]]:
    kinds = set(map(type, docs))
    expected = model or signature.inputs
    if not kinds or (len(kinds) == 1 and expected.item in kinds):
        return expected.adapter
    for kind in kinds:
        if not issubclass(kind, model.classes if model is not None else BaseModel):
            index = next(index for index, doc in enumerate(docs) if type(doc) is kind)
            wanted = " or ".join(cls.__name__ for cls in model.classes) if model else "document"
            raise WrongReturnError(
                f"a list whose item {index} is {_a(kind)}, where {_an(wanted)} should be"
            )
    # Of a subclass all fields are written, not those alone that the declared class has.
    return adapter_of(kinds.pop() if len(kinds) == 1 else SerializeAsAny[BaseModel])


def _as_list(docs: Any) -> list[Any]:
    return docs if type(docs) is list else list(docs)


def _a(kind: type) -> str:
    return _an(kind.__name__)


def _an(name: str) -> str:
    return f"an {name}" if name[:1] in "AEIOUaeiou" else f"a {name}"
