"""The endpoints of an Executor: which handler serves each, and their description."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import FunctionType
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from containerflow._version import __version__
from containerflow.errors import ExecutorError
from containerflow.runtime.executor.base import Executor
from containerflow.runtime.executor.declaration import declaration_of, normalised
from containerflow.runtime.executor.handler import Handler, MethodHandler
from containerflow.runtime.executor.passing import PassThrough
from containerflow.runtime.executor.signature import Signature, read_signature
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.documents import Document
from containerflow.wire.names import FALLBACK_ENDPOINT

__all__ = ["Catalogue", "Route", "catalogue_of", "pass_through", "routes"]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint of a class.

    Attributes:
        endpoint: Its name, with a leading slash.
        method: The name of the method that serves it.
        blocking: Whether a sync method must be kept off the event loop.
    """

    endpoint: str
    method: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that an Executor serves.

    Attributes:
        handlers: By endpoint.
        description: What it tells the Gateway.
    """

    handlers: Mapping[str, Handler]
    description: pb.Description

    def handler(self, endpoint: str) -> Handler | None:
        """Who serves an endpoint: its own handler, else the fallback, else no one."""
        return self.handlers.get(endpoint) or self.handlers.get(FALLBACK_ENDPOINT)


def routes(cls: type[Executor], remapped: Mapping[str, str] = {}) -> list[Route]:
    """The endpoints of a class, inherited ones first.

    A subclass's handler replaces the base's for the same endpoint; a method that a subclass
    overrides without declaring it again keeps its endpoints.

    Args:
        cls: The Executor class.
        remapped: Endpoint to method name; wins over the decorators.

    Raises:
        ExecutorError: Two methods of one class serve one endpoint, or a name is not a method's.
    """
    found: dict[str, Route] = {}
    for owner in reversed(cls.__mro__):
        declared: dict[str, str] = {}
        for name, member in vars(owner).items():
            declaration = declaration_of(member)
            if declaration is None:
                continue
            for endpoint in declaration.endpoints:
                if declared.setdefault(endpoint, name) != name:
                    raise ExecutorError(
                        f"{owner.__name__}.{declared[endpoint]} and {owner.__name__}.{name} "
                        f"both serve {endpoint}.",
                        remedy="Give one of them another endpoint in @requests(on=...).",
                    )
                found[endpoint] = Route(endpoint, name, declaration.blocking)
    for endpoint, name in remapped.items():
        endpoint = normalised(endpoint, f"The configuration of {cls.__name__}")
        member = inspect.getattr_static(cls, name, None)
        if not isinstance(member, FunctionType):
            near = get_close_matches(name, [key for key in dir(cls) if not key.startswith("_")], 1)
            raise ExecutorError(
                f"{endpoint} is mapped to {cls.__name__}.{name}, which is not a method.",
                remedy=f"Did you mean {near[0]!r}?" if near else "Name a method of the class.",
            )
        declaration = declaration_of(member)
        found[endpoint] = Route(endpoint, name, declaration.blocking if declaration else True)
    return list(found.values())


def catalogue_of(
    executor: Executor, remapped: Mapping[str, str] = {}, *, name: str = ""
) -> Catalogue:
    """Bind an Executor's handlers, and describe them.

    Args:
        executor: The instance.
        remapped: Endpoint to method name; wins over the decorators.
        name: Its name in the Flow, by which the Gateway knows it, whatever the instance calls
            itself; the instance's own by default.

    Raises:
        ExecutorError: A handler is declared badly; names the class and the method.
    """
    cls = type(executor)
    name = name or executor.name
    handlers: dict[str, Handler] = {}
    endpoints = []
    signatures: dict[str, Signature] = {}
    for route in routes(cls, remapped):
        function = inspect.getattr_static(cls, route.method)
        signature = signatures.get(route.method)
        if signature is None:
            signature = signatures[route.method] = read_signature(cls, route.method, function)
        handlers[route.endpoint] = MethodHandler(
            name,
            route.endpoint,
            getattr(executor, route.method),
            signature,
            blocking=route.blocking,
        )
        endpoints.append(_described(route, signature, _summary(function)))
    return Catalogue(handlers, pb.Description(name=name, endpoints=endpoints, version=__version__))


def pass_through(name: str) -> Catalogue:
    """The catalogue of an Executor without a class, which serves everything and changes nothing."""
    schema = _schema(Document, name, "validation")
    endpoint = pb.Endpoint(
        name=FALLBACK_ENDPOINT,
        summary="Documents come back as they are.",
        input_schema=schema,
        output_schema=schema,
    )
    return Catalogue(
        {FALLBACK_ENDPOINT: PassThrough(name)},
        pb.Description(name=name, endpoints=[endpoint], version=__version__),
    )


def _described(route: Route, signature: Signature, summary: str) -> pb.Endpoint:
    where = signature.where
    outputs = signature.outputs or signature.inputs
    return pb.Endpoint(
        name=route.endpoint,
        summary=summary,
        input_schema=_schema(signature.inputs.item, where, "validation"),
        output_schema=_schema(outputs.item, where, "serialization"),
        parameters_schema=_schema(signature.parameters, where, "validation")
        if signature.parameters is not None
        else b"",
    )


def _schema(item: Any, where: str, mode: Any) -> bytes:
    try:
        if isinstance(item, type) and issubclass(item, BaseModel):
            schema = item.model_json_schema(mode=mode)
        else:
            schema = TypeAdapter(item).json_schema(mode=mode)
    except PydanticInvalidForJsonSchema as error:
        raise ExecutorError(
            f"The handler {where} has a model without a JSON Schema: {error}",
            remedy="Give the field in question a type that has one, or a WithJsonSchema.",
        ) from error
    return json.dumps(schema).encode()


def _summary(function: Any) -> str:
    text = inspect.getdoc(function) or ""
    return " ".join(text.split("\n\n", 1)[0].split())
