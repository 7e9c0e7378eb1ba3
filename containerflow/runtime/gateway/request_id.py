"""Names for requests whose callers gave none."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from itertools import count

MAX_LENGTH = 128
"""A caller's own id may be this long, in characters."""


def request_ids() -> Iterator[str]:
    """An endless row of ids that no other process gives out.

    Random once, then counted: a fresh random number for each request costs a system call.

    Example:
        >>> ids = request_ids()
        >>> len(next(ids)), next(ids) != next(ids)
        (24, True)
    """
    process = secrets.token_hex(8)
    return (f"{process}{number:08x}" for number in count(1))


def is_acceptable(request_id: str) -> bool:
    """Whether a caller's own id can stand in headers and logs as it is."""
    return len(request_id) <= MAX_LENGTH and request_id.isascii() and request_id.isprintable()
