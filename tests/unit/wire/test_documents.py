"""Document and NDArray: what a model takes, and what it says when it does not."""

import subprocess
import sys
from uuid import UUID

import numpy as np
import pytest
from pydantic import ValidationError

from containerflow.wire.documents import Document, NDArray


class Vector(Document):
    embedding: NDArray


class Fixed(Document):
    matrix: NDArray[2, 3]


class Rows(Document):
    rows: NDArray[None, 2]


def fault(error: pytest.ExceptionInfo[ValidationError]) -> str:
    return error.value.errors()[0]["msg"]


def test_documents_are_named_by_a_random_uuid():
    first, second = Document(), Document()
    assert first.id != second.id
    assert UUID(first.id).version == 4


def test_fields_that_no_model_declares_are_kept():
    assert Document(language="en").language == "en"


def test_lists_become_arrays():
    assert Vector(embedding=[[1, 2], [3, 4]]).embedding.shape == (2, 2)


def test_an_array_is_taken_as_it_is():
    array = np.arange(3, dtype="float32")
    assert Vector(embedding=array).embedding is array


def test_null_and_nan_text_in_json_are_what_is_not_a_number():
    read = Vector.model_validate_json('{"embedding": [1.5, null, "NaN", "Infinity"]}').embedding
    np.testing.assert_array_equal(read, [1.5, np.nan, np.nan, np.inf])


@pytest.mark.parametrize(
    "value", ["text", b"bytes", None, {"a": 1}, [[1, 2], [3]], [["a"]], {"$tensor": 0}]
)
def test_what_is_no_array_is_refused(value):
    with pytest.raises(ValidationError) as error:
        Vector(embedding=value)
    assert fault(error) == (
        "Input should be a number or (nested) lists of numbers, all of one length"
    )


def test_a_declared_shape_is_checked():
    assert Fixed(matrix=np.zeros((2, 3))).matrix.shape == (2, 3)
    with pytest.raises(ValidationError) as error:
        Fixed(matrix=np.zeros((3, 2)))
    assert fault(error) == "Input should be an array of shape (2, 3), not (3, 2)"


def test_an_axis_of_none_has_any_length():
    assert Rows(rows=np.zeros((5, 2))).rows.shape == (5, 2)
    with pytest.raises(ValidationError) as error:
        Rows(rows=np.zeros((5, 3)))
    assert fault(error) == "Input should be an array of shape (any, 2), not (5, 3)"


@pytest.mark.parametrize("axes", ["a", -1, 2.0, True])
def test_an_axis_that_is_no_length_is_refused_where_it_is_written(axes):
    with pytest.raises(TypeError, match=r"NDArray\[2, 3\]"):
        NDArray[axes]


def test_json_schema_says_nested_arrays_of_numbers():
    schema = Fixed.model_json_schema()["properties"]["matrix"]
    assert schema["type"] == "array"
    assert (schema["minItems"], schema["maxItems"]) == (2, 2)
    assert schema["items"]["items"] == {"type": "number"}
    assert Vector.model_json_schema()["properties"]["embedding"]["items"] == {"type": "number"}


def test_an_array_dumps_as_lists_in_json_and_as_itself_in_python():
    vector = Vector(id="a", embedding=[1.0, float("nan")])
    assert vector.model_dump_json() == '{"id":"a","embedding":[1.0,"NaN"]}'
    assert vector.model_dump()["embedding"] is vector.embedding


def test_without_numpy_documents_work_and_an_ndarray_says_what_to_install():
    code = """
import sys
sys.modules["numpy"] = None  # what an image without numpy has: nothing to import
from containerflow.wire.documents import Document, NDArray
print(Document(text="hi").text)
try:
    class Vector(Document):
        embedding: NDArray
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "hi",
        "NDArray needs numpy, which is not installed here; "
        "put numpy into the Executor's requirements.txt (or pip install numpy)",
    ]
