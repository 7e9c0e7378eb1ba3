"""What a handler takes and returns, read from its signature."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NoReturn, Union

from pydantic import BaseModel

from containerflow.errors import ExecutorError
from containerflow.runtime.executor.models import DocumentModel, document_model, from_annotation
from containerflow.wire.documents import Document

__all__ = ["Signature", "read_signature"]

_KNOWN = ("docs", "doc", "parameters", "tracing_context", "docs_matrix", "docs_map")
_MATRIX = ("docs_matrix", "docs_map")


@dataclass(frozen=True, slots=True)
class Signature:
    """A handler's interface.

    Attributes:
        where: `Class.method`, for messages.
        takes: The document argument: `docs`, `doc`, or empty.
        takes_parameters: Whether it takes `parameters`.
        extra: Further arguments that are always passed.
        inputs: The model of the documents it takes.
        outputs: The model of the documents it returns; None where it does not say.
        parameters: The model of its parameters; None for a plain dict.
        is_async: Whether it is a coroutine function.
    """

    where: str
    takes: str
    takes_parameters: bool
    extra: Mapping[str, Any]
    inputs: DocumentModel
    outputs: DocumentModel | None
    parameters: type[BaseModel] | None
    is_async: bool


def read_signature(owner: type, name: str, function: Callable[..., Any]) -> Signature:
    """Read a handler's signature.

    Args:
        owner: The Executor class.
        name: The method's name.
        function: The method, not bound.

    Raises:
        ExecutorError: It cannot be a handler; names the class and the method.
    """
    return _Reader(owner, name, function).read()


class _Reader:
    def __init__(self, owner: type, name: str, function: Callable[..., Any]) -> None:
        self._owner = owner
        self._where = f"{owner.__name__}.{name}"
        self._function = inspect.unwrap(function)
        self._arguments = self._read_arguments(function)

    def read(self) -> Signature:
        if inspect.isgeneratorfunction(self._function) or inspect.isasyncgenfunction(
            self._function
        ):
            self._refuse(
                "is a generator; handlers that stream are not supported yet",
                "Return a list of documents.",
            )
        names = set(self._arguments)
        takes_rest = any(
            argument.kind is argument.VAR_KEYWORD for argument in self._arguments.values()
        )
        if {"docs", "doc"} <= names:
            self._refuse("takes both `docs` and `doc`", "Keep one of them.")
        single = "doc" in names
        takes = "doc" if single else "docs" if "docs" in names or takes_rest else ""
        return Signature(
            where=self._where,
            takes=takes,
            takes_parameters="parameters" in names or takes_rest,
            extra=self._extra(),
            inputs=self._inputs("doc" if single else "docs", single=single),
            outputs=self._outputs(single=single),
            parameters=self._parameters(),
            is_async=inspect.iscoroutinefunction(self._function),
        )

    def _read_arguments(self, function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
        arguments = list(inspect.signature(function).parameters.values())
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        if not arguments or arguments[0].kind not in positional or arguments[0].name in _KNOWN:
            self._refuse("does not take `self`", "Make `self` its first argument.")
        for argument in arguments[1:]:
            if argument.kind is argument.POSITIONAL_ONLY or (
                argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)
                and argument.name not in _KNOWN
                and argument.default is argument.empty
            ):
                self._refuse(
                    f"takes {argument.name!r}, which no handler is given",
                    "A handler takes, by name, `docs` or `doc`, `parameters`, and `**kwargs`.",
                )
        return {argument.name: argument for argument in arguments[1:]}

    def _extra(self) -> dict[str, Any]:
        for name in _MATRIX:
            argument = self._arguments.get(name)
            if argument is not None and argument.default is argument.empty:
                self._refuse(
                    f"takes {name!r}, the parts of a join one by one, which is not supported yet",
                    "Take `docs`, in which they are united.",
                )
        tracing = self._arguments.get("tracing_context")
        needs_tracing = tracing is not None and tracing.default is tracing.empty
        return {"tracing_context": None} if needs_tracing else {}

    def _inputs(self, name: str, *, single: bool) -> DocumentModel:
        annotation = self._annotation(name)
        model = (
            document_model(Document)
            if annotation is inspect.Parameter.empty
            else self._model(annotation, name, single=single)
        )
        if model is None:
            self._refuse(
                f"declares `{name}: {_text(annotation)}`, which is not "
                + ("a model" if single else "a list of models"),
                f"Annotate it as {'`Text`' if single else '`list[Text]`'}, "
                "where Text is a Document or another pydantic model.",
            )
        return model

    def _outputs(self, *, single: bool) -> DocumentModel | None:
        annotation = self._annotation("return")
        if typing.get_origin(annotation) in (Union, types.UnionType):
            members = [one for one in typing.get_args(annotation) if not _says_nothing(one)]
            annotation = reduce(or_, members) if members else None
        if _says_nothing(annotation):
            return None
        model = self._model(annotation, "return", single=single) or self._model(
            annotation, "return", single=True
        )
        if model is None:
            self._refuse(
                f"declares that it returns {_text(annotation)}, which is not "
                + ("a model" if single else "a list of models"),
                "It returns "
                + ("one document" if single else "a list of documents, one document")
                + ", a dict, or None.",
            )
        return model

    def _parameters(self) -> type[BaseModel] | None:
        annotation = self._annotation("parameters")
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return annotation
        plain = typing.get_origin(annotation) or annotation
        if plain not in (inspect.Parameter.empty, Any, dict, Mapping):
            self._refuse(
                f"declares `parameters: {_text(annotation)}`",
                "Annotate it as `dict`, or as a pydantic model.",
            )
        return None

    def _model(self, annotation: Any, name: str, *, single: bool) -> DocumentModel | None:
        try:
            return from_annotation(annotation, single=single)
        except (TypeError, ImportError) as error:
            raise ExecutorError(
                f"{self._where} declares a model for {name!r} that is unusable: {error}"
            ) from error

    def _annotation(self, name: str) -> Any:
        annotations = getattr(self._function, "__annotations__", {})
        annotation = annotations.get(name, inspect.Parameter.empty)
        if not isinstance(annotation, str):
            return annotation
        # One at a time: an import that only type checkers see, for an argument that is no
        # business of ours, must not spoil the others.
        names = getattr(self._function, "__globals__", {})
        try:
            return eval(annotation, names, dict(vars(self._owner)))
        except Exception as error:  # noqa: BLE001 - an annotation's text can raise anything
            self._refuse(
                f"has the annotation {annotation!r} for {name!r}, which cannot be evaluated "
                f"({type(error).__name__}: {error})",
                "Define the model at the top level of its module, and import what it names "
                "outside of `if TYPE_CHECKING`.",
            )

    def _refuse(self, what: str, remedy: str) -> NoReturn:
        raise ExecutorError(f"The handler {self._where} {what}.", remedy=remedy)


def _says_nothing(annotation: Any) -> bool:
    """Whether a returned value of this type holds no documents, or nobody said."""
    plain = typing.get_origin(annotation) or annotation
    return plain in (inspect.Parameter.empty, None, type(None), dict, Mapping, Any)


def _text(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
