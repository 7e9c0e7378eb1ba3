"""A request's parts as one body."""

from __future__ import annotations

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.body import JSON, merge

__all__ = ["united"]


def united(request: pb.Request) -> tuple[int, bytes]:
    """The codec and bytes of the one body that a request comes down to.

    Raises:
        MalformedBody: Parts of a join are not in their codec.
        InvalidBody: Parts of a join are not envelopes.
    """
    parts = request.parts
    if len(parts) == 1:
        return parts[0].codec, parts[0].body
    return merge(parts, request_id=request.request_id) if parts else (JSON, b"")
