"""Tensors inside a body: references in its JSON text, raw segments behind it.

A reference is an object such as `{"$tensor": 0, "dtype": "<f4", "shape": [2, 3]}`. `Segments`
makes references while a body is written, `References` follows them while one is read. Where numpy
is not installed, a tensor travels through as an opaque `Tensor`.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

__all__ = ["References", "Segments", "Tensor", "TensorReferenceError", "plain", "require_numpy"]

MARKER = "$tensor"
_KINDS = frozenset("biufc")
_STRUCT_CODES = {
    "|b1": "?",
    "|i1": "b",
    "|u1": "B",
    "<i2": "h",
    "<u2": "H",
    "<i4": "i",
    "<u4": "I",
    "<i8": "q",
    "<u8": "Q",
    "<f4": "f",
    "<f8": "d",
}


class TensorReferenceError(ValueError):
    """A reference that names no segment, or does not fit the one it names."""


class Tensor:
    """A tensor that nobody here has looked into.

    Not a dataclass: pydantic-core would write one as an object of its fields.

    Args:
        dtype: numpy's name of the element type, with its byte order: `<f4`.
        shape: Length of each axis.
        data: The elements in C order.
    """

    __slots__ = ("data", "dtype", "shape")

    def __init__(self, dtype: str, shape: tuple[int, ...], data: memoryview) -> None:
        self.dtype = dtype
        self.shape = shape
        self.data = data

    def tolist(self) -> Any:
        """The elements as nested lists, as numpy's method of that name gives them.

        Raises:
            TypeError: The element type has no form in Python, or not the machine's byte order.
        """
        if (numpy := numpy_or_none()) is not None:
            return _view(numpy, self).tolist()
        code = _STRUCT_CODES.get(self.dtype)
        if code is None:
            raise TypeError(
                f"a tensor of type {self.dtype} cannot be written as JSON without numpy; "
                "put numpy into requirements.txt"
            )
        if 0 in self.shape:
            return _empty(self.shape)
        elements = memoryview(self.data).cast(code)  # type: ignore[call-overload]
        if not self.shape:
            return elements[0]
        return elements.cast("B").cast(code, shape=list(self.shape)).tolist()


class Segments:
    """The raw segments of a body that is being written.

    Args:
        marker: Key that tells a reference from an ordinary object.
    """

    def __init__(self, marker: str = MARKER) -> None:
        self.marker = marker
        self.chunks: list[bytes | memoryview] = []

    def put(self, tensor: numpy.ndarray[Any, Any] | Tensor) -> dict[str, Any]:
        """Add a tensor; the answer is the reference that stands for it in the JSON text.

        Raises:
            TypeError: Its element type is not a plain number (an object array, say).
        """
        reference = {self.marker: len(self.chunks)}
        if isinstance(tensor, Tensor):
            self.chunks.append(tensor.data)
            return reference | {"dtype": tensor.dtype, "shape": tensor.shape}
        if tensor.dtype.kind not in _KINDS:
            raise TypeError(
                f"an array of type {tensor.dtype} cannot travel; "
                "convert it to numbers first, with astype('float32') say"
            )
        numpy = require_numpy()
        flat = numpy.ascontiguousarray(tensor).reshape(-1)
        self.chunks.append(flat.view("u1").data)
        return reference | {"dtype": tensor.dtype.str, "shape": tensor.shape}

    def fallback(self, value: Any) -> Any:
        """What pydantic-core calls for a value that it cannot write by itself."""
        if isinstance(value, Tensor):
            return self.put(value)
        numpy = numpy_or_none()
        if numpy is not None and isinstance(value, numpy.ndarray):
            return self.put(value)
        return plain(value)


class References:
    """The raw segments of a body that is being read.

    Arrays are views on the received bytes: nothing is copied, and they are read-only. A handler
    that writes into one takes `array.copy()` first.

    Args:
        body: The whole body.
        spans: Where each segment lies: offset and length, in bytes.
        marker: Key that tells a reference from an ordinary object.
    """

    def __init__(self, body: bytes, spans: list[tuple[int, int]], marker: str = MARKER) -> None:
        self.marker = marker
        self._body = body
        self._spans = spans
        self._followed: set[int] = set()

    @property
    def is_complete(self) -> bool:
        """Whether each segment's reference was met."""
        return len(self._followed) == len(self._spans)

    def tensor(self, reference: dict[str, Any]) -> Tensor:
        """What a reference stands for, unlooked at.

        Raises:
            TensorReferenceError: It names no segment, or does not fit it.
        """
        index, dtype, shape = (
            reference.get(self.marker),
            reference.get("dtype"),
            reference.get("shape"),
        )
        if type(index) is not int or not 0 <= index < len(self._spans):
            raise TensorReferenceError(f"there is no tensor {index!r} in this body")
        if not isinstance(dtype, str) or not isinstance(shape, list):
            raise TensorReferenceError(f"tensor {index} lacks its dtype or shape")
        if not all(type(length) is int and length >= 0 for length in shape):
            raise TensorReferenceError(f"tensor {index} has the impossible shape {shape}")
        offset, length = self._spans[index]
        if math.prod(shape) * _item_bytes(dtype) != length:
            raise TensorReferenceError(
                f"tensor {index} has {length} bytes, which {dtype} of shape {shape} is not"
            )
        self._followed.add(index)
        return Tensor(dtype, tuple(shape), memoryview(self._body)[offset : offset + length])

    def value(self, reference: dict[str, Any]) -> Any:
        """What a reference stands for: a numpy array, or a Tensor where numpy is missing.

        Raises:
            TensorReferenceError: It names no segment, or does not fit it.
        """
        tensor = self.tensor(reference)
        numpy = numpy_or_none()
        return tensor if numpy is None else _view(numpy, tensor)

    def is_reference(self, value: dict[str, Any]) -> bool:
        """Whether an object of the JSON text stands for a tensor."""
        return self.marker in value


def plain(value: Any) -> Any:
    """A value of numpy's (or one that behaves like it) as numbers and lists.

    Raises:
        TypeError: It is something else, which has no form in JSON.
    """
    tolist = getattr(value, "tolist", None)
    if tolist is None:
        raise TypeError(
            f"a value of type {type(value).__name__} cannot travel; "
            "convert it to numbers, text, lists or a pydantic model first"
        )
    return tolist()


@cache
def numpy_or_none() -> Any:
    """The numpy module, imported at the first tensor; None where it is not installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def require_numpy() -> Any:
    """The numpy module.

    Raises:
        ImportError: It is not installed; the message says what to do.
    """
    numpy = numpy_or_none()
    if numpy is None:
        raise ImportError(
            "NDArray needs numpy, which is not installed here; "
            "put numpy into the Executor's requirements.txt (or pip install numpy)"
        )
    return numpy


def _view(numpy: Any, tensor: Tensor) -> Any:
    return numpy.ndarray(tensor.shape, numpy.dtype(tensor.dtype), tensor.data)


@cache
def _item_bytes(dtype: str) -> int:
    order, kind, size = dtype[:1], dtype[1:2], dtype[2:]
    if order not in "<>|" or kind not in _KINDS or not size.isdecimal() or len(size) > 2:
        raise TensorReferenceError(f"{dtype!r} is not the type of a tensor")
    return int(size)


def _empty(shape: tuple[int, ...]) -> list[Any]:
    if shape[0] == 0:
        return []
    return [_empty(shape[1:]) for _ in range(shape[0])]
