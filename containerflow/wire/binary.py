"""The BINARY codec's layout: a header, JSON text, and raw segments behind it.

All numbers are little-endian and unsigned. The header holds the length of the JSON text, the
number of segments and the number of underscores of the marker (32 bits each), then the length of
each segment (64 bits). The JSON text follows, and each segment at the next multiple of 16 bytes,
so that arrays can be read where they lie.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from containerflow.wire.tensors import MARKER, References, Segments

__all__ = ["LayoutError", "pack", "unpack"]

_HEADER = struct.Struct("<III")
_LENGTH_BYTES = 8
_ALIGNMENT = 16
_PADDING = bytes(_ALIGNMENT)


class LayoutError(ValueError):
    """The bytes are not laid out as this codec says."""


def pack(dump: Callable[[Segments], bytes]) -> bytes:
    """Lay out a body.

    Args:
        dump: Writes the JSON text, putting tensors into the segments that it is given. It may be
            called again with other ones.
    """
    underscores = 0
    while True:
        segments = Segments(MARKER + "_" * underscores)
        text = dump(segments)
        count = len(segments.chunks)
        # An object of the caller's own that looks like a reference must not become one: then the
        # references take a name that the text does not use.
        if not count or text.count(f'"{segments.marker}"'.encode()) == count:
            break
        underscores += 1
    lengths = [memoryview(chunk).nbytes for chunk in segments.chunks]
    head = _HEADER.pack(len(text), count, underscores) + struct.pack(f"<{count}Q", *lengths)
    if not count:
        return head + text
    pieces: list[bytes | memoryview] = [head, text]
    offset = len(head) + len(text)
    for chunk, length in zip(segments.chunks, lengths, strict=True):
        gap = -offset % _ALIGNMENT
        pieces += (_PADDING[:gap], chunk)
        offset += gap + length
    return b"".join(pieces)


def unpack(body: bytes) -> tuple[bytes, References | None]:
    """Take a body apart: its JSON text, and its tensors if it has any.

    Raises:
        LayoutError: The body is cut short, or is something else.
    """
    if len(body) < _HEADER.size:
        raise LayoutError(f"a binary body starts with {_HEADER.size} bytes; there are {len(body)}")
    text_length, count, underscores = _HEADER.unpack_from(body)
    start = _HEADER.size + _LENGTH_BYTES * count
    offset = start + text_length
    if offset > len(body):
        raise LayoutError(f"the binary body was cut short at {len(body)} bytes")
    text = body[start:offset]
    if not count:
        return text, None
    spans = []
    for length in struct.unpack_from(f"<{count}Q", body, _HEADER.size):
        offset += -offset % _ALIGNMENT
        spans.append((offset, length))
        offset += length
    if offset > len(body) or underscores > text_length:
        raise LayoutError(f"the binary body was cut short at {len(body)} bytes")
    return text, References(body, spans, MARKER + "_" * underscores)
