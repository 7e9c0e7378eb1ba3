"""The handler of an Executor without a class."""

from __future__ import annotations

from pydantic_core import PydanticSerializationError

from containerflow.runtime.executor.answer import Answer, RequestFailure, answer, failed, unforeseen
from containerflow.runtime.executor.models import adapter_of
from containerflow.runtime.executor.parts import united
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.binary import pack
from containerflow.wire.body import BINARY, JSON, InvalidBody, MalformedBody, decode, encode
from containerflow.wire.documents import Document

__all__ = ["PassThrough"]


class PassThrough:
    """Answers with the request's own documents: they come back as they are.

    Args:
        executor: The Executor's name in the Flow.
    """

    is_async = False
    blocking = False

    def __init__(self, executor: str) -> None:
        self._executor = executor
        self._documents = adapter_of(Document)

    def answer(self, request: pb.Request) -> Answer:
        """Carry a request out; never raises."""
        try:
            codec, body = united(request)
            if request.accept == BINARY:
                return answer(request.id, BINARY, body if codec == BINARY else _wrapped(body))
            docs, parameters = decode(codec, body, self._documents, request_id=request.request_id)
            body = encode(
                docs,
                self._documents,
                codec=JSON,
                parameters=parameters,
                request_id=request.request_id,
                mark_unset=request.joined,
            )
            return answer(request.id, JSON, body)
        except MalformedBody as error:
            failure = RequestFailure(pb.CODE_MALFORMED, f"Executor {self._executor!r}: {error}.")
        except InvalidBody as error:
            failure = RequestFailure(
                pb.CODE_INVALID,
                f"Executor {self._executor!r} cannot take this body: {error}.",
                detail=error.detail,
            )
        except PydanticSerializationError as error:
            failure = RequestFailure(
                pb.CODE_FAILED, f"Executor {self._executor!r} cannot write its answer: {error}."
            )
        except BaseException as error:  # noqa: BLE001 - no request may end more than itself
            return unforeseen(request.id, self._executor, f"Executor {self._executor!r}", error)
        return failed(request.id, self._executor, failure)

    async def answer_async(self, request: pb.Request) -> Answer:
        """Carry a request out; never raises."""
        return self.answer(request)


def _wrapped(text: bytes) -> bytes:
    return pack(lambda _: text or b"{}")
