"""Bounds what all requests' bodies take of this process' memory."""

from __future__ import annotations

LEAST_BYTES = 256 * 1024 * 1024
LARGEST_BODIES = 4


class HeldBytes:
    """Counts the bytes of the bodies that are in flight.

    Args:
        max_body_bytes: The largest single body, in bytes. The bound is LARGEST_BODIES of these,
            and at least LEAST_BYTES.

    Example:
        >>> held = HeldBytes(100 * 1024 * 1024)
        >>> held.take(300 * 1024 * 1024), held.take(200 * 1024 * 1024)
        (True, False)
        >>> held.give(300 * 1024 * 1024)
        >>> held.take(200 * 1024 * 1024)
        True
    """

    __slots__ = ("count", "limit")

    def __init__(self, max_body_bytes: int) -> None:
        self.limit = max(LARGEST_BODIES * max_body_bytes, LEAST_BYTES)
        self.count = 0

    def take(self, size: int) -> bool:
        """Count `size` more bytes; False, and nothing counted, where that is over the bound."""
        if self.count + size > self.limit:
            return False
        self.count += size
        return True

    def give(self, size: int) -> None:
        """`size` bytes are in flight no more."""
        self.count -= size
