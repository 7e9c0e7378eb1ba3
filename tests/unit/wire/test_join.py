"""How parts of a join become one body: by id, left to right, what somebody set wins."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from containerflow.wire.body import BINARY, JSON, InvalidBody, MalformedBody, decode, encode, merge
from containerflow.wire.contract_pb2 import Part
from containerflow.wire.documents import Document, NDArray

from .strategies import scalars


class Text(Document):
    text: str = ""
    rank: int = 0
    tags: list[str] = Field(default_factory=list)


TEXTS = TypeAdapter(list[Text])
DOCUMENTS = TypeAdapter(list[Document])


def part(*docs: dict[str, Any], unset: Any = None, source: str = "left", **parameters: Any) -> Part:
    body: dict[str, Any] = {"data": docs, "parameters": parameters}
    if unset is not None:
        body["unset"] = unset
    return Part(source=source, codec=JSON, body=json.dumps(body).encode())


def merged(*parts: Part) -> dict[str, Any]:
    codec, body = merge(parts)
    assert codec == JSON
    content: dict[str, Any] = json.loads(body)
    return content


def test_documents_unite_by_id_in_order_of_first_appearance():
    left = part({"id": "b", "x": 1}, {"id": "a", "x": 2})
    right = part({"id": "a", "y": 3}, {"id": "c", "y": 4}, {"id": "b", "y": 5})
    assert merged(left, right)["data"] == [
        {"id": "b", "x": 1, "y": 5},
        {"id": "a", "x": 2, "y": 3},
        {"id": "c", "y": 4},
    ]


def test_the_left_most_value_wins():
    assert merged(part({"id": "a", "x": 1}), part({"id": "a", "x": 2}))["data"] == [
        {"id": "a", "x": 1}
    ]


def test_null_gives_way_to_a_value_further_right():
    assert merged(
        part({"id": "a", "x": None}), part({"id": "a", "x": None}), part({"id": "a", "x": 2})
    )["data"] == [{"id": "a", "x": 2}]


def test_a_field_that_nobody_set_gives_way_to_one_that_somebody_set():
    left = part({"id": "a", "x": 0}, unset=[["x"]])
    right = part({"id": "a", "x": 2})
    assert merged(left, right) == {"data": [{"id": "a", "x": 2}]}


def test_a_set_value_does_not_give_way_to_a_default():
    left = part({"id": "a", "x": 1})
    right = part({"id": "a", "x": 0}, unset=[["x"]])
    assert merged(left, right) == {"data": [{"id": "a", "x": 1}]}


def test_a_field_that_stays_unset_is_still_marked_for_the_next_join():
    left = part({"id": "a", "x": 0}, unset=[["x"]])
    right = part({"id": "a", "x": 0}, unset=[["x"]])
    assert merged(left, right)["unset"] == [["x"]]


def test_marks_of_real_models_decide():
    left = encode([Text(id="a", text="left")], TEXTS, codec=BINARY, mark_unset=True)
    right = encode([Text(id="a", rank=7, tags=["t"])], TEXTS, codec=BINARY, mark_unset=True)
    codec, body = merge([Part(codec=BINARY, body=left), Part(codec=BINARY, body=right)])
    assert decode(codec, body, TEXTS).docs == [Text(id="a", text="left", rank=7, tags=["t"])]


def test_an_id_that_occurs_twice_in_a_part_unites_with_its_counterpart():
    left = part({"id": "a", "x": 1}, {"id": "a", "x": 2})
    right = part({"id": "a", "y": 3}, {"id": "a", "y": 4})
    assert merged(left, right)["data"] == [{"id": "a", "x": 1, "y": 3}, {"id": "a", "x": 2, "y": 4}]


def test_documents_without_an_id_stay_alone():
    assert merged(part({"x": 1}, {"id": None, "x": 2}), part({"x": 3}))["data"] == [
        {"x": 1},
        {"id": None, "x": 2},
        {"x": 3},
    ]


def test_parameters_unite_and_the_left_most_value_wins():
    left = part(limit=1, __results__={"a": {"n": 1}})
    right = part(limit=2, depth=3, __results__={"b": {"n": 2}})
    assert merged(left, right)["parameters"] == {
        "limit": 1,
        "depth": 3,
        "__results__": {"a": {"n": 1}, "b": {"n": 2}},
    }


def test_tensors_of_all_parts_survive():
    class Vector(Document):
        vector: NDArray

    adapter = TypeAdapter(list[Vector])
    bodies = [
        encode([Vector(id=name, vector=np.full(3, index))], adapter, codec=BINARY)
        for index, name in enumerate("ab")
    ]
    codec, body = merge([Part(codec=BINARY, body=one) for one in bodies])
    vectors = {doc.id: doc.vector.tolist() for doc in decode(codec, body, adapter).docs}
    assert vectors == {"a": [0, 0, 0], "b": [1, 1, 1]}


def test_a_part_in_json_unites_with_one_in_binary():
    right = encode([Document(id="a", y=np.arange(2))], DOCUMENTS, codec=BINARY)
    codec, body = merge([part({"id": "a", "x": 1}), Part(codec=BINARY, body=right)])
    (doc,) = decode(codec, body, DOCUMENTS).docs
    assert (codec, doc.x, doc.y.tolist()) == (BINARY, 1, [0, 1])


def test_the_callers_own_part_unites_although_the_caller_named_nothing():
    own = b'{"data": [{"text": "a"}, {"text": "b"}]}'
    docs = decode(JSON, own, TEXTS, request_id="r").docs
    for doc in docs:
        doc.rank = 5
    branch = encode(docs, TEXTS, codec=BINARY, mark_unset=True)
    parts = [Part(codec=JSON, body=own), Part(source="left", codec=BINARY, body=branch)]
    codec, body = merge(parts, request_id="r")
    assert [(doc.text, doc.rank) for doc in decode(codec, body, TEXTS).docs] == [("a", 5), ("b", 5)]


def test_one_part_is_left_untouched():
    only = part({"id": "a"})
    assert merge([only]) == (JSON, only.body)


@pytest.mark.parametrize(("body", "fault"), [(b"{", MalformedBody), (b"[]", InvalidBody)])
def test_a_part_that_cannot_be_read_is_a_fault(body, fault):
    with pytest.raises(fault):
        merge([part({"id": "a"}), Part(codec=JSON, body=body)])


fields = st.dictionaries(st.sampled_from("xyz"), scalars, max_size=3)
documents = st.lists(
    st.tuples(st.sampled_from("abc"), fields), max_size=3, unique_by=lambda pair: pair[0]
)
parts = st.lists(documents, min_size=1, max_size=4)


def as_part(docs: list[tuple[str, dict[str, Any]]]) -> Part:
    return part(*({"id": name, **values} for name, values in docs))


@given(parts)
def test_merging_is_deterministic_and_the_left_most_set_value_wins(all_parts):
    messages = [as_part(docs) for docs in all_parts]
    assert merge(messages) == merge(messages)
    data = json.loads(merge(messages)[1])["data"]
    order = list(dict.fromkeys(name for docs in all_parts for name, _ in docs))
    assert [doc["id"] for doc in data] == order
    for doc in data:
        versions = [values for docs in all_parts for name, values in docs if name == doc["id"]]
        for field in {key for version in versions for key in version}:
            said = [version[field] for version in versions if field in version]
            expected = next((value for value in said if value is not None), None)
            assert doc[field] == expected


@given(documents)
def test_merging_a_body_with_itself_changes_nothing(docs):
    one = as_part(docs)
    assert merged(one, one)["data"] == json.loads(one.body)["data"]


@given(documents, documents, documents)
def test_merging_step_by_step_is_merging_at_once(first, second, third):
    codec, body = merge([as_part(first), as_part(second)])
    stepwise = merge([Part(source="x", codec=codec, body=body), as_part(third)])
    assert stepwise == merge([as_part(first), as_part(second), as_part(third)])
