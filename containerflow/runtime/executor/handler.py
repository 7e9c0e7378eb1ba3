"""A handler as the server calls it: bytes in, the user's method, bytes out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from containerflow.runtime.executor.answer import (
    Answer,
    RequestFailure,
    answer,
    failed,
    said_by,
    unforeseen,
)
from containerflow.runtime.executor.parts import united
from containerflow.runtime.executor.returned import WrongReturnError, outcome
from containerflow.runtime.executor.signature import Signature
from containerflow.runtime.log import current_request
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.body import (
    BINARY,
    JSON,
    InvalidBody,
    MalformedBody,
    decode,
    encode,
    validation_detail,
)
from containerflow.wire.join import RESULTS

__all__ = ["Handler", "MethodHandler", "own_parameters"]


class Handler(Protocol):
    """Who answers the requests to one endpoint.

    Attributes:
        is_async: `answer_async` is to be awaited on the event loop; else `answer` is called.
        blocking: `answer` is to be called in a worker thread.
    """

    is_async: bool
    blocking: bool

    def answer(self, request: pb.Request) -> Answer:
        """Carry a request out; never raises."""

    async def answer_async(self, request: pb.Request) -> Answer:
        """Carry a request out; raises CancelledError alone."""


class _Call(NamedTuple):
    docs: Any
    parameters: dict[str, Any]
    arguments: dict[str, Any]


class MethodHandler:
    """A method of the user's Executor.

    Args:
        executor: The Executor's name in the Flow.
        endpoint: The endpoint, for messages.
        method: The bound method.
        signature: What it takes and returns.
        blocking: Whether a sync method must be kept off the event loop.
    """

    def __init__(
        self,
        executor: str,
        endpoint: str,
        method: Callable[..., Any],
        signature: Signature,
        *,
        blocking: bool,
    ) -> None:
        self.signature = signature
        self.is_async = signature.is_async
        self.blocking = blocking
        self._executor = executor
        self._where = f"Executor {executor!r} at {endpoint}"
        self._method = method
        self._inputs = signature.inputs
        self._logger = logging.getLogger(f"executor.{executor}")

    def answer(self, request: pb.Request) -> Answer:
        """Carry a request out; never raises."""
        token = current_request.set(request.request_id)
        try:
            call = self._read(request)
            try:
                returned = self._run(call)
            except BaseException as error:  # sys.exit() in a handler fails its request alone
                raise self._raised(error) from error
            return self._write(request, call, returned)
        except RequestFailure as failure:
            return failed(request.id, self._executor, failure)
        except BaseException as error:  # noqa: BLE001 - a model's validators can raise anything
            return unforeseen(request.id, self._executor, self._where, error)
        finally:
            current_request.reset(token)

    async def answer_async(self, request: pb.Request) -> Answer:
        """Carry a request out; raises CancelledError alone."""
        current_request.set(request.request_id)
        try:
            call = self._read(request)
            try:
                returned = await self._run_async(call)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException as error:  # sys.exit() in a handler fails its request alone
                raise self._raised(error) from error
            return self._write(request, call, returned)
        except RequestFailure as failure:
            return failed(request.id, self._executor, failure)
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a model's validators can raise anything
            return unforeseen(request.id, self._executor, self._where, error)

    def _read(self, request: pb.Request) -> _Call:
        try:
            codec, body = united(request)
            docs, parameters = decode(
                codec, body, self._inputs.adapter, request_id=request.request_id
            )
            if self._inputs.listed is not None:
                docs = self._inputs.listed(docs)
            return _Call(docs, parameters, self._arguments(docs, parameters))
        except MalformedBody as error:
            raise RequestFailure(pb.CODE_MALFORMED, f"{self._where}: {error}.") from error
        except InvalidBody as error:
            message = f"{self._where} cannot take this body: {error}."
            raise RequestFailure(pb.CODE_INVALID, message, detail=error.detail) from error

    def _arguments(self, docs: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        signature = self.signature
        arguments: dict[str, Any] = dict(signature.extra)
        if signature.takes == "docs":
            arguments["docs"] = docs
        if signature.takes_parameters:
            own: Any = own_parameters(parameters, self._executor) if parameters else {}
            if signature.parameters is not None:
                try:
                    own = signature.parameters.model_validate(own)
                except ValidationError as error:
                    raise InvalidBody(validation_detail(error, "parameters")) from error
            arguments["parameters"] = own
        return arguments

    def _run(self, call: _Call) -> Any:
        if self.signature.takes != "doc":
            return self._method(**call.arguments)
        return [self._method(doc=doc, **call.arguments) for doc in call.docs]

    async def _run_async(self, call: _Call) -> Any:
        if self.signature.takes != "doc":
            return await self._method(**call.arguments)
        return [await self._method(doc=doc, **call.arguments) for doc in call.docs]

    def _raised(self, error: BaseException) -> RequestFailure:
        self._logger.error("%s raised %s", self._where, type(error).__name__, exc_info=error)
        return RequestFailure(
            pb.CODE_FAILED,
            f"{self._where} raised {type(error).__name__}{said_by(error)}",
            exception=type(error).__name__,
        )

    def _write(self, request: pb.Request, call: _Call, returned: Any) -> Answer:
        parameters = call.parameters
        accept = request.accept or JSON
        try:
            docs, adapter, results = outcome(self.signature, call.docs, returned)
            if results is not None:
                known = parameters.get(RESULTS)
                # A caller may have put anything there.
                others = known if isinstance(known, dict) else {}
                parameters = {**parameters, RESULTS: {**others, self._executor: results}}
            body = encode(
                docs,
                adapter,
                codec=accept,
                parameters=parameters,
                request_id=request.request_id,
                # Between Executors always, so that a default stays one as far as the next join.
                mark_unset=request.joined or accept == BINARY,
            )
        except WrongReturnError as error:
            message = f"{self._where} returned {error}."
            self._logger.error("%s", message)
            raise RequestFailure(pb.CODE_FAILED, message) from error
        except (PydanticSerializationError, MalformedBody) as error:
            message = f"{self._where} returned what cannot travel: {error}."
            self._logger.error("%s", message)
            raise RequestFailure(pb.CODE_FAILED, message) from error
        return answer(request.id, accept, body)


def own_parameters(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The parameters that one Executor sees: `name__key` is for it alone, and called `key` there.

    Args:
        parameters: The request's.
        name: The Executor's name.

    Example:
        >>> own_parameters({"limit": 5, "rank__limit": 3, "index__path": "/x"}, "rank")
        {'limit': 3}
    """
    shared: dict[str, Any] = {}
    addressed: dict[str, Any] = {}
    for key, value in parameters.items():
        if key.startswith(f"{name}__"):
            addressed[key[len(name) + 2 :]] = value
        elif "__" not in key or key.startswith("__"):
            shared[key] = value
    return shared | addressed
