"""The only bodies that the Gateway opens: those that no single Executor answers for.

That is a Flow with several leaves, whose answers are merged here, and a Flow without Executors,
whose documents come back as they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from containerflow.runtime.gateway.failure import failure
from containerflow.wire import body
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.documents import Document


def merge(parts: Sequence[pb.Part], accept: pb.Codec, request_id: str) -> pb.Response:
    """Unite the answers of several leaves into one answer.

    Args:
        parts: The leaves' answers, in declared order.
        accept: The codec of the answer.
        request_id: Goes into the answer's header where it is JSON.
    """
    try:
        codec, united = body.merge(parts, request_id=request_id)
        if accept == pb.CODEC_BINARY:
            return pb.Response(
                codec=pb.CODEC_BINARY if codec == body.BINARY else pb.CODEC_JSON, body=united
            )
        return pb.Response(codec=pb.CODEC_JSON, body=body.finish(codec, united, request_id))
    except (body.MalformedBody, body.InvalidBody, PydanticSerializationError) as error:
        # The Executors wrote these bodies, so it is not the caller's fault.
        leaves = ", ".join(part.source for part in parts)
        return failure(pb.CODE_FAILED, f"The answers of {leaves} cannot be merged: {error}")


def echo(parts: Sequence[pb.Part], accept: pb.Codec, request_id: str) -> pb.Response:
    """Answer a request with its own documents, once they are known to be documents.

    Args:
        parts: The caller's body.
        accept: The codec of the answer.
        request_id: Goes into the answer's header where it is JSON.
    """
    try:
        codec, united = body.merge(parts, request_id=request_id)
        envelope = body.decode(codec, united, _documents(), request_id=request_id)
        answer = body.encode(
            envelope.docs,
            _documents(),
            codec=accept,
            parameters=envelope.parameters,
            request_id=request_id,
        )
    except body.MalformedBody as error:
        return failure(pb.CODE_MALFORMED, _sentence(error))
    except body.InvalidBody as error:
        response = failure(pb.CODE_INVALID, _sentence(error))
        response.failure.detail = json.dumps(error.detail).encode()
        return response
    return pb.Response(codec=accept, body=answer)


@cache
def _documents() -> TypeAdapter[list[Document]]:
    return TypeAdapter(list[Document])


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
