"""Answers of an Executor: bytes of a Response, and the failures that it can say."""

from __future__ import annotations

import json
import logging
from typing import Any, NamedTuple

from containerflow.wire import contract_pb2 as pb

__all__ = ["Answer", "RequestFailure", "answer", "failed", "said_by", "unforeseen"]

_logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What became of a request.

    Attributes:
        code: Its code in the contract.
        payload: The Response, serialized; both doors send it as it is.
    """

    code: int
    payload: bytes


class RequestFailure(Exception):  # noqa: N818
    """A request cannot be carried out; becomes a Response.

    Args:
        code: Why.
        message: What happened, where, and what to do.
        exception: Type name of the handler's exception, where a handler raised.
        detail: The faults of an invalid body.
        refused: It was turned away before it was begun: another replica may carry it out.
    """

    def __init__(
        self,
        code: pb.Code,
        message: str,
        *,
        exception: str = "",
        detail: list[dict[str, Any]] | None = None,
        refused: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exception = exception
        self.detail = detail
        self.refused = refused


def answer(number: int, codec: int, body: bytes) -> Answer:
    """A good answer to the request of that number on its lane."""
    response = pb.Response(id=number, codec=codec, body=body)  # type: ignore[arg-type]
    return Answer(pb.CODE_OK, response.SerializeToString())


def failed(number: int, executor: str, failure: RequestFailure) -> Answer:
    """The answer that says a failure."""
    response = pb.Response(
        id=number,
        code=failure.code,
        failure=pb.Failure(
            message=_writable(failure.message),
            executor=executor,
            exception=_writable(failure.exception),
            detail=json.dumps(failure.detail).encode() if failure.detail else b"",
            refused=failure.refused,
        ),
    )
    return Answer(failure.code, response.SerializeToString())


def unforeseen(number: int, executor: str, where: str, error: BaseException) -> Answer:
    """The answer to a request at which something was raised that nothing else provides for.

    Args:
        number: The request's on its lane.
        executor: The Executor's name.
        where: What raised, as the beginning of a sentence.
        error: What it raised; logged with its stack.
    """
    kind = type(error).__name__
    _logger.error("%s raised %s", where, kind, exc_info=error)
    message = f"{where} raised {kind}{said_by(error)}"
    return failed(number, executor, RequestFailure(pb.CODE_FAILED, message, exception=kind))


def said_by(error: BaseException) -> str:
    """What an exception says, after a colon; empty if it says nothing."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception's own text can raise; its type has to do
        return ""
    return f": {text}" if text else ""


def _writable(text: str) -> str:
    """Without lone surrogates, which Python's text can hold and UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
