"""Answers that say what went wrong."""

from __future__ import annotations

from containerflow.errors import Code
from containerflow.wire import contract_pb2 as pb

CODES: dict[int, Code] = {
    value: Code[name.removeprefix("CODE_")] for name, value in pb.Code.items()
}
"""From the contract's codes to those that people see."""


def failure(code: pb.Code, message: str, *, executor: str = "") -> pb.Response:
    """An answer that is a failure.

    Args:
        code: Why.
        message: What happened and what to do, for a person.
        executor: Whose fault it is; empty for the Gateway.
    """
    return pb.Response(code=code, failure=pb.Failure(message=message, executor=executor))
