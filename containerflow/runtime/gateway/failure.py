"""Answers that say what went wrong."""

from __future__ import annotations

from containerflow.errors import Code
from containerflow.wire import contract_pb2 as pb

CODES: dict[int, Code] = {
    value: Code[name.removeprefix("CODE_")] for name, value in pb.Code.items()
}
"""From the contract's codes to those that people see."""


def failure(
    code: pb.Code, message: str, *, executor: str = "", refused: bool = False
) -> pb.Response:
    """An answer that is a failure.

    Args:
        code: Why.
        message: What happened and what to do, for a person.
        executor: Whose fault it is; empty for the Gateway.
        refused: Whether the request was turned away before any Executor began with it.
    """
    return pb.Response(
        code=code, failure=pb.Failure(message=message, executor=executor, refused=refused)
    )


def is_refusal(response: pb.Response, *, draining: bool) -> bool:
    """Whether another replica may have the request, because this one has not begun with it.

    Args:
        response: The answer of a replica.
        draining: Whether that replica is about to stop: one that does not set `refused` is then
            unavailable for no other reason.
    """
    return (
        response.failure.refused
        or response.code == pb.CODE_OVERLOADED
        or (response.code == pb.CODE_UNAVAILABLE and draining)
    )


def too_large(max_bytes: int) -> pb.Response:
    """The answer to a body over the limit for one, in bytes."""
    return failure(
        pb.CODE_TOO_LARGE,
        f"The body has more than {max_bytes} bytes. Send fewer documents at once, or raise the"
        " Gateway's max_body_bytes.",
    )


def too_much(limit: int) -> pb.Response:
    """The answer where the bodies of all requests together are over that bound, in bytes."""
    return failure(
        pb.CODE_OVERLOADED,
        f"The bodies of all requests in flight may have {limit} bytes together, and they have."
        " Try again later, or send less at once.",
        refused=True,
    )
