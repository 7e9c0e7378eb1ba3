"""What handlers take and return: `Document`, and `NDArray` for its tensors."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from os import urandom
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from containerflow.wire.tensors import (
    References,
    Segments,
    Tensor,
    TensorReferenceError,
    require_numpy,
)

__all__ = ["Document", "NDArray"]


def new_id() -> str:
    """A random UUID (version 4) in hexadecimal, at half of what the uuid module costs."""
    digits = urandom(16).hex()
    return f"{digits[:12]}4{digits[13:16]}{'89ab'[ord(digits[16]) & 3]}{digits[17:]}"


class Document(BaseModel):
    """One document; subclass it to say which fields yours has.

    Fields that a model does not declare are kept and travel on. Bytes travel as base64 in JSON,
    infinities and NaN as text (`"NaN"`), because JSON has no such numbers.

    Attributes:
        id: Names the document on its way through the Flow; joins unite documents by it.

    Example:
        >>> class Text(Document):
        ...     text: str
        >>> Text(text="hello", language="en").language
        'en'
    """

    model_config = ConfigDict(
        extra="allow", ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="strings"
    )

    id: str = Field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The schema of a numpy array; `axes` None takes any shape, an axis of None any length."""

    axes: tuple[int | None, ...] | None = None

    def __get_pydantic_core_schema__(
        self,
        source: Any,
        handler: GetCoreSchemaHandler,
    ) -> core_schema.CoreSchema:
        if find_spec("numpy") is None:
            require_numpy()
        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                _serialize, info_arg=True, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self,
        schema: core_schema.CoreSchema,
        handler: GetJsonSchemaHandler,
    ) -> dict[str, Any]:
        described: dict[str, Any] = {"type": "number"}
        for length in reversed(self.axes if self.axes is not None else (None,)):
            described = {"type": "array", "items": described}
            if length is not None:
                described |= {"minItems": length, "maxItems": length}
        return described

    def _validate(self, value: Any, info: core_schema.ValidationInfo) -> Any:
        array = _array(value, info.context)
        if self.axes is not None and not self._fits(array.shape):
            raise PydanticCustomError(
                "ndarray_shape",
                "Input should be an array of shape {expected}, not {actual}",
                {"expected": str(self), "actual": _axes_text(array.shape)},
            )
        return array

    def _fits(self, shape: tuple[int, ...]) -> bool:
        axes = self.axes or ()
        return len(shape) == len(axes) and all(
            wanted is None or wanted == actual for wanted, actual in zip(axes, shape, strict=True)
        )

    def __str__(self) -> str:
        return _axes_text(self.axes or ())


if TYPE_CHECKING:
    import numpy

    NDArray = numpy.ndarray[Any, Any]
else:

    class NDArray:
        """A numpy array in a document: raw bytes between Executors, nested lists in JSON.

        `NDArray` takes any shape, `NDArray[128]` and `NDArray[2, 3]` that shape alone, and
        `NDArray[None, 3]` any number of rows. Lists (of lists) of numbers become arrays. An array
        that another Executor sent is read-only, because it is a view on the received bytes: take
        `array.copy()` to write into it.

        Raises:
            ImportError: At the definition of the model, where numpy is not installed.

        Example:
            >>> class Vector(Document):
            ...     embedding: NDArray[2]
            >>> Vector(embedding=[0.5, 1.0]).embedding.shape
            (2,)
        """

        def __class_getitem__(cls, axes: int | tuple[int | None, ...] | None) -> Any:
            """`NDArray[128]`: the type with its shape."""
            axes = axes if isinstance(axes, tuple) else (axes,)
            if not all(axis is None or (type(axis) is int and axis >= 0) for axis in axes):
                raise TypeError(f"NDArray takes lengths of axes, such as NDArray[2, 3]; got {axes}")
            return Annotated[cls, _Shape(axes)]

        @classmethod
        def __get_pydantic_core_schema__(cls, source, handler):
            return _Shape().__get_pydantic_core_schema__(source, handler)

        @classmethod
        def __get_pydantic_json_schema__(cls, schema, handler):
            return _Shape().__get_pydantic_json_schema__(schema, handler)


def _array(value: Any, context: Any) -> Any:
    numpy = require_numpy()
    if isinstance(value, numpy.ndarray):
        return value
    if isinstance(value, dict):
        if isinstance(context, References) and context.is_reference(value):
            try:
                return context.value(value)
            except TensorReferenceError as error:
                raise PydanticCustomError("ndarray", "{why}", {"why": str(error)}) from error
        raise _not_an_array()
    if isinstance(value, str | bytes) or value is None:
        raise _not_an_array()
    try:
        array = numpy.asarray(value.tolist() if isinstance(value, Tensor) else value)
        if array.dtype.kind in "OU":
            # What is not finite travels as null or as text: JSON has no word for it.
            array = numpy.asarray(value, dtype=float)
    except (ValueError, TypeError) as error:
        raise _not_an_array() from error
    return array


def _not_an_array() -> PydanticCustomError:
    return PydanticCustomError(
        "ndarray", "Input should be a number or (nested) lists of numbers, all of one length"
    )


def _serialize(value: Any, info: core_schema.SerializationInfo) -> Any:
    numpy = require_numpy()
    array = value if isinstance(value, numpy.ndarray) else numpy.asarray(value)
    return info.context.put(array) if isinstance(info.context, Segments) else array.tolist()


def _axes_text(axes: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if axis is None else str(axis) for axis in axes)})"
