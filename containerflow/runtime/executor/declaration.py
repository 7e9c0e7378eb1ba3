"""`@requests`: which endpoints a method serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from containerflow.errors import ExecutorError
from containerflow.wire.names import FALLBACK_ENDPOINT

__all__ = ["Declaration", "declaration_of", "normalised", "requests"]

_ATTRIBUTE = "__containerflow_requests__"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the decorator noted on a method.

    Attributes:
        endpoints: Names with a leading slash.
        blocking: Whether a sync method must be kept off the event loop.
    """

    endpoints: tuple[str, ...]
    blocking: bool


@overload
def requests(function: F, /) -> F: ...


@overload
def requests(
    *, on: str | Sequence[str] = FALLBACK_ENDPOINT, blocking: bool = True
) -> Callable[[F], F]: ...


def requests(
    function: Any = None, /, *, on: str | Sequence[str] = FALLBACK_ENDPOINT, blocking: bool = True
) -> Any:
    """Let a method of an Executor serve one or more endpoints.

    Without `on` the method is the fallback: it serves every endpoint that has no method of its own.

    The method takes, by name, what it needs of `docs` (a list of documents) or `doc` (one document;
    it is then called once for each), `parameters`, and `**kwargs` for the rest. It returns a list
    of documents (or one document), a dict, which goes to `parameters["__results__"]`, or None if
    it changed the documents in place.

    Args:
        function: The method, where the decorator is used without brackets.
        on: Endpoint or endpoints; a missing leading slash is added.
        blocking: False says that a sync method is quick, so that it runs on the event loop and
            saves the way to the worker thread. While it runs, nothing else does.

    Raises:
        ExecutorError: `on` names no endpoint.

    Example:
        >>> from containerflow import Document, Executor, requests
        >>> class Upper(Executor):
        ...     @requests(on="/upper")
        ...     def upper(self, docs: list[Document], **kwargs):
        ...         for doc in docs:
        ...             doc.text = doc.text.upper()
    """

    def mark(target: Any) -> Any:
        name = getattr(target, "__qualname__", repr(target))
        if not callable(target) or isinstance(target, staticmethod | classmethod | type):
            raise ExecutorError(
                f"@requests stands on {name}, which is not a method.",
                remedy='Put it on a method, as @requests or @requests(on="/endpoint").',
            )
        names = (on,) if isinstance(on, str) else tuple(on)
        if not names:
            raise ExecutorError(
                f"@requests on {name} names no endpoint.", remedy='Give it on="/endpoint".'
            )
        earlier = declaration_of(target)
        endpoints = tuple(normalised(endpoint, name) for endpoint in names)
        if earlier is not None:
            endpoints = earlier.endpoints + endpoints
        setattr(target, _ATTRIBUTE, Declaration(endpoints, blocking))
        return target

    return mark if function is None else mark(function)


def declaration_of(member: Any) -> Declaration | None:
    """What `@requests` noted on a member of a class; None on any other member."""
    noted = getattr(member, _ATTRIBUTE, None)
    return noted if isinstance(noted, Declaration) else None


def normalised(endpoint: Any, where: str) -> str:
    """An endpoint's name with its leading slash.

    Args:
        endpoint: The name as declared.
        where: Who declares it, for the error.

    Raises:
        ExecutorError: It is no name.
    """
    if not isinstance(endpoint, str) or not endpoint.strip("/ "):
        raise ExecutorError(
            f"{where} declares the endpoint {endpoint!r}, which is not a name.",
            remedy='An endpoint is text such as "/search".',
        )
    return endpoint if endpoint.startswith("/") else f"/{endpoint}"
