"""Bodies: what one end writes is what the other end reads, and faults say where they are."""

import json
import math
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, Field, TypeAdapter
from pydantic_core import PydanticSerializationError

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.body import (
    BINARY,
    JSON,
    InvalidBody,
    MalformedBody,
    decode,
    encode,
    finish,
)
from containerflow.wire.documents import Document, NDArray
from containerflow.wire.join import merge

from .strategies import names, plain_values, same, values_with_tensors


class Text(Document):
    text: str
    tags: list[str] = Field(default_factory=list)


class Vector(Document):
    embedding: NDArray


class Tree(Document):
    children: "list[Tree]" = Field(default_factory=list)


DOCUMENTS = TypeAdapter(list[Document])
TEXTS = TypeAdapter(list[Text])
VECTORS = TypeAdapter(list[Vector])
CODECS = pytest.mark.parametrize("codec", [JSON, BINARY], ids=["json", "binary"])


# What is written is read


@given(
    docs=st.lists(st.dictionaries(names, plain_values, max_size=3), max_size=3),
    parameters=st.dictionaries(st.text(max_size=8), plain_values, max_size=3),
    codec=st.sampled_from([JSON, BINARY]),
    marked=st.booleans(),
)
def test_plain_documents_and_parameters_come_back_the_same(docs, parameters, codec, marked):
    written = [Document.model_validate(doc) for doc in docs]
    body = encode(written, DOCUMENTS, codec=codec, parameters=parameters, mark_unset=marked)
    read = decode(codec, body, DOCUMENTS)
    assert read.docs == written
    assert same(parameters, read.parameters)


@given(
    docs=st.lists(st.dictionaries(names, values_with_tensors, max_size=3), max_size=3),
    parameters=st.dictionaries(names, values_with_tensors, max_size=2),
)
def test_tensors_come_back_bit_by_bit_in_binary_wherever_they_lie(docs, parameters):
    written = [Document(**doc) for doc in docs]
    body = encode(written, DOCUMENTS, codec=BINARY, parameters=parameters)
    read = decode(BINARY, body, DOCUMENTS)
    for doc, back in zip(docs, read.docs, strict=True):
        assert same(doc, back.__pydantic_extra__)
    assert same(parameters, read.parameters)


@CODECS
def test_declared_types_survive_the_codec(codec):
    class Rich(Document):
        raw: bytes
        at: datetime
        score: float
        pairs: list[tuple[int, str]]

    adapter = TypeAdapter(list[Rich])
    doc = Rich(
        raw=b"\xff\x00\xfe", at=datetime(2024, 1, 2, tzinfo=UTC), score=math.inf,
        pairs=[(1, "a")],
    )  # fmt: skip
    (back,) = decode(codec, encode([doc], adapter, codec=codec), adapter).docs
    assert back == doc


def test_nan_is_text_in_json_and_a_number_again_when_it_is_read():
    class Score(Document):
        score: float

    adapter = TypeAdapter(list[Score])
    body = encode([Score(id="a", score=math.nan)], adapter, codec=JSON)
    assert json.loads(body)["data"] == [{"id": "a", "score": "NaN"}]
    assert math.isnan(decode(JSON, body, adapter).docs[0].score)


def test_a_model_of_itself_can_be_read():
    body = b'{"data": [{"children": [{"children": []}]}]}'
    (tree,) = decode(JSON, body, TypeAdapter(list[Tree])).docs
    assert len(tree.children) == 1


@CODECS
def test_models_need_not_be_documents_and_may_have_aliases(codec):
    class Point(BaseModel):
        x: int = Field(alias="pointX")
        y: int = Field(0, validation_alias=AliasChoices("y"), serialization_alias="y")

    adapter = TypeAdapter(list[Point])
    body = encode([Point(pointX=1)], adapter, codec=codec, mark_unset=True)
    (back,) = decode(codec, body, adapter).docs
    assert (back.x, back.y) == (1, 0)
    # In JSON the marks would be a caller's.
    assert back.model_fields_set == ({"x"} if codec == BINARY else {"x", "y"})


# Tensors


def test_an_array_of_a_binary_body_is_a_view_on_the_received_bytes():
    body = encode([Vector(embedding=np.arange(4.0))], VECTORS, codec=BINARY)
    array = decode(BINARY, body, VECTORS).docs[0].embedding
    assert not array.flags.owndata
    assert not array.flags.writeable
    start = np.frombuffer(body, "u1").ctypes.data
    assert start <= array.ctypes.data < start + len(body)
    assert array.flags.aligned


def test_tensors_pass_through_a_model_that_does_not_know_them():
    body = encode([Vector(id="a", embedding=np.eye(2))], VECTORS, codec=BINARY)
    middle = decode(BINARY, body, DOCUMENTS).docs
    again = encode(middle, DOCUMENTS, codec=BINARY)
    np.testing.assert_array_equal(decode(BINARY, again, VECTORS).docs[0].embedding, np.eye(2))


def test_tensors_are_lists_in_json():
    body = encode([Vector(id="a", embedding=np.eye(2))], VECTORS, codec=JSON)
    assert json.loads(body)["data"] == [{"id": "a", "embedding": [[1.0, 0.0], [0.0, 1.0]]}]


def test_numbers_of_numpy_in_undeclared_fields_are_numbers():
    body = encode(
        [Document(id="a", score=np.float32(0.5), count=np.int64(3))], DOCUMENTS, codec=JSON
    )
    assert json.loads(body)["data"] == [{"id": "a", "score": 0.5, "count": 3}]


def test_an_object_of_the_callers_that_looks_like_a_reference_stays_what_it_is():
    forged = {"$tensor": 0, "dtype": "<f4", "shape": [1]}
    docs = [Document(forged=forged, real=np.ones(1, "<f4"))]
    (back,) = decode(BINARY, encode(docs, DOCUMENTS, codec=BINARY), DOCUMENTS).docs
    assert back.forged == forged
    np.testing.assert_array_equal(back.real, [1.0])


def test_an_object_array_is_refused_with_advice():
    docs = [Document(bad=np.array([object()]))]
    with pytest.raises(PydanticSerializationError, match="convert it to numbers first"):
        encode(docs, DOCUMENTS, codec=BINARY)


@CODECS
def test_a_value_without_a_form_is_refused_with_advice(codec):
    with pytest.raises(PydanticSerializationError, match="type object cannot travel"):
        encode([Document(bad=object())], DOCUMENTS, codec=codec)


def test_without_numpy_tensors_pass_through_and_become_lists_in_json():
    body = encode([Vector(id="a", embedding=np.arange(4, dtype="<f4").reshape(2, 2))], VECTORS,
                  codec=BINARY)  # fmt: skip
    code = """
import sys
sys.modules["numpy"] = None
from pydantic import TypeAdapter
from containerflow.wire.body import BINARY, JSON, decode, encode
from containerflow.wire.documents import Document
adapter = TypeAdapter(list[Document])
docs = decode(BINARY, bytes.fromhex(sys.argv[1]), adapter).docs
print(encode(docs, adapter, codec=BINARY).hex())
print(encode(docs, adapter, codec=JSON).decode())
"""
    done = subprocess.run(
        [sys.executable, "-c", code, body.hex()], capture_output=True, text=True, check=True
    )
    binary, text = done.stdout.splitlines()
    back = decode(BINARY, bytes.fromhex(binary), VECTORS).docs[0].embedding
    np.testing.assert_array_equal(back, [[0, 1], [2, 3]])
    assert json.loads(text)["data"] == [{"id": "a", "embedding": [[0.0, 1.0], [2.0, 3.0]]}]


# Shapes of a body


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b'{"data": [{"text": "a"}, {"text": "b"}]}', ["a", "b"]),
        (b'{"data": {"text": "a"}}', ["a"]),
        (b'{"data": null}', []),
        (b'{"parameters": {}}', []),
        (b'{"parameters": null, "header": {"x": 1}, "targetExecutor": "y"}', []),
        (b"", []),
    ],
)
def test_data_is_a_list_or_one_object_or_absent(body, texts):
    assert [doc.text for doc in decode(JSON, body, TEXTS).docs] == texts


def test_an_answer_leaves_out_what_is_empty():
    assert encode([], TEXTS, codec=JSON) == b'{"data":[]}'
    answer = encode([], TEXTS, codec=JSON, parameters={"a": 1}, request_id='r"1')
    assert json.loads(answer) == {
        "data": [],
        "parameters": {"a": 1},
        "header": {"requestId": 'r"1'},
    }


# Faults


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"data": [{"text": "a"},]}', "line 1 column 25"),
        (b'{"data": [\n  {"text": }]}', "line 2 column 12"),
        (b"\xff\xfe", "line 1 column 1"),
        (b"text", "line 1 column 2"),
    ],
)
def test_broken_json_says_line_and_column(body, place):
    with pytest.raises(MalformedBody, match=place):
        decode(JSON, body, TEXTS)
    with pytest.raises(MalformedBody, match=place):
        finish(JSON, body, "r")


@pytest.mark.parametrize("cut", [0, 5, 20, -1])
def test_a_binary_body_that_was_cut_short_says_so(cut):
    body = encode([Vector(embedding=np.arange(4.0))], VECTORS, codec=BINARY)
    with pytest.raises(MalformedBody, match="binary body"):
        decode(BINARY, body[:cut], VECTORS)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_nothing_but_the_two_faults(body):
    for codec in (JSON, BINARY):
        try:
            decode(codec, body, DOCUMENTS)
        except (MalformedBody, InvalidBody):
            continue


@given(st.data())
def test_a_damaged_binary_body_raises_nothing_but_the_two_faults(data):
    body = bytearray(encode([Vector(id="a", embedding=np.arange(4.0))], VECTORS, codec=BINARY))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    for adapter in (VECTORS, DOCUMENTS):
        try:
            decode(BINARY, bytes(body), adapter)
        except (MalformedBody, InvalidBody):
            continue


def test_a_reference_to_a_segment_of_another_size_is_a_fault():
    body = encode([Vector(id="a", embedding=np.arange(4.0))], VECTORS, codec=BINARY)
    broken = body.replace(b'"shape":[4]', b'"shape":[9]')
    with pytest.raises(InvalidBody, match="32 bytes"):
        decode(BINARY, broken, VECTORS)
    with pytest.raises(MalformedBody, match="32 bytes"):
        decode(BINARY, broken, DOCUMENTS)


def test_an_unknown_codec_says_that_the_sender_is_newer():
    with pytest.raises(MalformedBody, match="newer containerflow"):
        decode(9, b"{}", TEXTS)
    with pytest.raises(MalformedBody, match="newer containerflow"):
        encode([], TEXTS, codec=9)


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        (b'{"data": [{"text": "a"}, {"text": 3}]}', ["data", 1, "text"], "string_type"),
        (b'{"data": {"text": 3}}', ["data", 0, "text"], "string_type"),
        (b'{"data": [{}]}', ["data", 0, "text"], "missing"),
        (b'{"data": "text"}', ["data"], "list_type"),
        (b'{"data": [4]}', ["data", 0], "model_type"),
        (b'[{"text": "a"}]', ["data"], "dict_type"),
        (b'{"parameters": 4}', ["parameters"], "dict_type"),
    ],
)
def test_what_does_not_fit_the_model_says_the_path_of_the_field(body, loc, kind):
    with pytest.raises(InvalidBody) as error:
        decode(JSON, body, TEXTS)
    assert (error.value.detail[0]["loc"], error.value.detail[0]["type"]) == (loc, kind)
    assert error.value.detail[0]["msg"]


def test_each_fault_is_told_up_to_a_hundred():
    body = b'{"data": [' + b",".join([b"{}"] * 500) + b"]}"
    with pytest.raises(InvalidBody) as error:
        decode(JSON, body, TEXTS)
    assert [fault["loc"][1] for fault in error.value.detail] == list(range(100))


# Names of documents that came without one


def test_branches_that_read_the_same_bytes_agree_on_the_ids():
    body = b'{"data": [{"text": "a"}, {"text": "b", "id": "mine"}, {"text": "c"}]}'
    texts = decode(JSON, body, TEXTS, request_id="r").docs
    others = decode(JSON, body, DOCUMENTS, request_id="r").docs
    assert [doc.id for doc in texts] == [doc.id for doc in others]
    assert texts[1].id == "mine"
    assert len({doc.id for doc in texts}) == 3


def test_requests_and_bodies_of_their_own_give_ids_of_their_own():
    one, two = b'{"data": [{"text": "a"}]}', b'{"data": [{"text": "b"}]}'
    ids = {
        decode(JSON, body, TEXTS, request_id=request).docs[0].id
        for body in (one, two)
        for request in ("r1", "r2")
    }
    assert len(ids) == 4


# Fields that nobody set


def test_a_default_stays_one_over_several_hops():
    first = encode([Text(id="a", text="x")], TEXTS, codec=BINARY, mark_unset=True)
    doc = decode(BINARY, first, TEXTS).docs[0]
    assert doc.model_fields_set == {"id", "text"}
    second = encode([doc], TEXTS, codec=JSON, mark_unset=True)
    assert json.loads(second)["unset"] == [["tags"]]


def test_a_default_that_was_changed_in_place_counts_as_set():
    doc = Text(id="a", text="x")
    doc.tags.append("new")
    assert "unset" not in json.loads(encode([doc], TEXTS, codec=JSON, mark_unset=True))


@pytest.mark.parametrize("unset", [5, "x", {"a": 1}, [5], ["x"], [[5]], [[{}]]])
@pytest.mark.parametrize("read", [lambda b: decode(JSON, b, TEXTS), lambda b: finish(JSON, b, "r")])
def test_marks_that_are_not_lists_of_names_are_refused_by_their_name(unset, read):
    body = json.dumps({"data": [{"text": "x"}], "unset": unset}).encode()
    with pytest.raises(InvalidBody) as error:
        read(body)
    assert error.value.detail[0]["loc"][0] == "unset"


def test_a_caller_has_no_say_in_what_counts_as_set():
    body = b'{"data":[{"id":"a","text":"x","tags":["t"]}],"unset":[["tags"]]}'
    assert decode(JSON, body, TEXTS).docs[0].model_fields_set == {"id", "text", "tags"}
    other = b'{"data":[{"id":"a","text":"x","tags":["u"]}]}'
    parts = [pb.Part(codec=JSON, body=body), pb.Part(source="left", codec=JSON, body=other)]
    assert json.loads(merge(parts, request_id="r")[1])["data"][0]["tags"] == ["t"]


# The caller's answer


@pytest.mark.parametrize("codec", [pb.CODEC_UNSPECIFIED, pb.CODEC_JSON])
def test_the_final_answer_has_a_header_and_no_inner_marks(codec):
    body = encode([Text(id="a", text="x")], TEXTS, codec=codec, mark_unset=True)
    assert json.loads(finish(codec, body, "r1")) == {
        "data": [{"id": "a", "text": "x", "tags": []}],
        "header": {"requestId": "r1"},
    }


def test_the_final_answer_of_a_binary_body_has_lists_for_tensors():
    body = encode([Vector(id="a", embedding=np.eye(2))], VECTORS, codec=BINARY)
    assert json.loads(finish(BINARY, body, ""))["data"][0]["embedding"] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("body", [b"[]", b'{"data": 3}', b'{"parameters": []}'])
def test_what_is_no_envelope_has_no_final_answer(body):
    with pytest.raises(InvalidBody):
        finish(JSON, body, "r")
