"""Answers of an Executor: bytes of a Response, and the failures that it can say."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from containerflow.wire import contract_pb2 as pb

__all__ = ["Answer", "RequestFailure", "answer", "failed"]


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
    """

    def __init__(
        self,
        code: pb.Code,
        message: str,
        *,
        exception: str = "",
        detail: list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exception = exception
        self.detail = detail


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
            message=failure.message,
            executor=executor,
            exception=failure.exception,
            detail=json.dumps(failure.detail).encode() if failure.detail else b"",
        ),
    )
    return Answer(failure.code, response.SerializeToString())
