"""Amounts of memory as people write them: `512M`, `2GiB`."""

from __future__ import annotations

import re

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def bytes_of(quantity: str | int) -> int:
    """Count the bytes of an amount of memory.

    Args:
        quantity: Bytes as a number, or a number with a unit: `k`, `m`, `g` or `t`, with or without
            `b` or `iB` behind, in either case. A unit is a power of 1024, as it is for Docker:
            `1M`, `1MB` and `1MiB` are all 1,048,576 bytes.

    Raises:
        ValueError: The text is not an amount of memory.

    Example:
        >>> bytes_of("1.5G")
        1610612736
    """
    match = _QUANTITY.fullmatch(str(quantity).strip())
    if match is None:
        raise ValueError(f"{quantity!r} is not an amount of memory such as 512M or 2G")
    number, unit = match.groups()
    scale: int = 1024 ** _POWERS[unit.lower()]
    # Whole numbers stay whole: a float would round amounts above 2**53.
    return int(number) * scale if number.isdigit() else int(float(number) * scale)
