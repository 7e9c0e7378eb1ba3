"""What a handler is given and what becomes of what it returns, over a real lane."""

import json
import logging

import numpy as np
import pytest
from pydantic import TypeAdapter

from containerflow.wire import contract_pb2 as pb
from containerflow.wire.body import BINARY, decode, encode
from containerflow.wire.documents import Document, NDArray

from .peer import data, served, texts, written

ONE = {"data": [{"text": "a"}]}

FORMS = """
class Forms(Executor):
    @requests(on="/returns")
    def returns(self, docs: list[Text], **kwargs) -> list[Text]:
        return [Text(text=doc.text + "!") for doc in docs]

    @requests(on="/in-place")
    def in_place(self, docs: list[Text], **kwargs):
        for doc in docs:
            doc.text += "!"

    @requests(on="/quick", blocking=False)
    def quick(self, docs: list[Text]) -> list[Text]:
        assert threading.current_thread() is threading.main_thread()
        return [Text(text=doc.text + "!") for doc in docs]

    @requests(on="/threaded")
    def threaded(self, docs: list[Text]) -> list[Text]:
        assert threading.current_thread() is not threading.main_thread()
        return [Text(text=doc.text + "!") for doc in docs]

    @requests(on="/async")
    async def awaited(self, docs: list[Text], **kwargs) -> list[Text]:
        await asyncio.sleep(0)
        return [Text(text=doc.text + "!") for doc in docs]

    @requests(on="/one")
    def one(self, doc: Text, **kwargs) -> Text:
        return Text(text=doc.text + "!")

    @requests(on="/one-async")
    async def one_async(self, doc: Text) -> Text:
        return Text(text=doc.text + "!")

    @requests(on="/one-in-place")
    def one_in_place(self, doc: Text) -> None:
        doc.text += "!"

    @requests(on="/rest")
    def rest(self, **kwargs):
        for doc in kwargs["docs"]:
            doc.text += "!"

    @requests(on="/tuple")
    def as_tuple(self, docs: list[Text]):
        return tuple(Text(text=doc.text + "!") for doc in docs)
"""


@pytest.mark.parametrize(
    "endpoint",
    [
        "/returns", "/in-place", "/quick", "/threaded", "/async",
        "/one", "/one-async", "/one-in-place", "/rest", "/tuple",
    ],
)  # fmt: skip
async def test_every_form_of_handler_answers(tmp_path, endpoint):
    async with served(written(tmp_path, FORMS)) as (_, peer):
        response = await peer.ask(endpoint, {"data": [{"text": "a"}, {"text": "b"}]})
        assert texts(response) == ["a!", "b!"]
        assert response.codec == pb.CODEC_JSON
        assert json.loads(response.body)["header"] == {"requestId": "r1"}


async def test_a_handler_is_called_although_there_are_no_documents(tmp_path):
    source = """
        class Stats(Executor):
            @requests(on="/status")
            def status(self, **kwargs):
                return {"size": 3}
    """
    async with served(written(tmp_path, source), name="stats") as (_, peer):
        answer = json.loads((await peer.ask("/status", b"")).body)
        assert answer["data"] == []
        assert answer["parameters"] == {"__results__": {"stats": {"size": 3}}}


async def test_a_returned_dict_joins_those_of_executors_before_and_documents_stay(tmp_path):
    source = """
        class Stats(Executor):
            @requests
            def status(self, docs, parameters):
                return {"seen": parameters["__results__"]["before"]["n"]}
    """
    async with served(written(tmp_path, source), name="stats") as (_, peer):
        body = {**ONE, "parameters": {"__results__": {"before": {"n": 1}}}}
        answer = json.loads((await peer.ask("/x", body)).body)
        assert answer["data"][0]["text"] == "a"
        assert answer["parameters"]["__results__"] == {"before": {"n": 1}, "stats": {"seen": 1}}


PARAMETERS = """
from pydantic import BaseModel

class Wanted(BaseModel):
    limit: int

class Takes(Executor):
    @requests(on="/plain")
    def plain(self, docs, parameters: dict):
        docs[0].seen = dict(parameters)
        parameters["changed"] = True

    @requests(on="/typed")
    def typed(self, docs, parameters: Wanted):
        docs[0].seen = parameters.limit + 1
"""


async def test_a_parameter_with_a_name_before_it_reaches_that_executor_alone(tmp_path):
    async with served(written(tmp_path, PARAMETERS), name="mine") as (_, peer):
        sent = {"limit": 1, "mine__limit": 2, "other__limit": 3, "depth": 4}
        answer = json.loads((await peer.ask("/plain", {**ONE, "parameters": sent})).body)
        assert answer["data"][0]["seen"] == {"limit": 2, "depth": 4}
        # The next Executor is to find its own.
        assert answer["parameters"] == sent


async def test_parameters_of_a_model_are_checked_and_say_the_path(tmp_path):
    async with served(written(tmp_path, PARAMETERS)) as (_, peer):
        good = await peer.ask("/typed", {**ONE, "parameters": {"limit": "4"}})
        assert data(good)[0]["seen"] == 5
        bad = await peer.ask("/typed", {**ONE, "parameters": {"limit": "many"}})
        assert bad.code == pb.CODE_INVALID
        assert json.loads(bad.failure.detail)[0]["loc"] == ["parameters", "limit"]


async def test_a_body_that_is_not_json_says_where_it_is_broken(tmp_path):
    async with served(written(tmp_path, FORMS)) as (_, peer):
        response = await peer.ask("/returns", b'{"data": [}')
        assert response.code == pb.CODE_MALFORMED
        assert "line 1 column 11" in response.failure.message
        assert response.failure.executor == "worker"


async def test_documents_that_do_not_fit_say_the_path_of_the_field(tmp_path):
    async with served(written(tmp_path, FORMS)) as (_, peer):
        response = await peer.ask("/returns", {"data": [{"text": "a"}, {"text": 3}]})
        assert response.code == pb.CODE_INVALID
        (fault,) = json.loads(response.failure.detail)
        assert fault["loc"] == ["data", 1, "text"]
        assert "data.1.text" in response.failure.message


RAISES = """
class Raises(Executor):
    @requests(on="/sync")
    def sync(self, **kwargs):
        raise ValueError("no such word: café")

    @requests(on="/async")
    async def later(self, **kwargs):
        raise ValueError("no such word: café")

    @requests(on="/quick", blocking=False)
    def quick(self, **kwargs):
        raise ValueError("no such word: café")

    @requests(on="/exit")
    def leave(self, **kwargs):
        raise SystemExit(3)

    @requests(on="/timeout")
    async def own_timeout(self, **kwargs):
        raise TimeoutError("mine")

    @requests(on="/fine")
    def fine(self, **kwargs):
        pass
"""


@pytest.mark.parametrize("endpoint", ["/sync", "/async", "/quick"])
async def test_an_exception_fails_its_request_and_stands_in_the_log(tmp_path, caplog, endpoint):
    async with served(written(tmp_path, RAISES)) as (_, peer):
        response = await peer.ask(endpoint)
        assert response.code == pb.CODE_FAILED
        assert response.failure.exception == "ValueError"
        assert response.failure.executor == "worker"
        assert response.failure.message == (
            f"Executor 'worker' at {endpoint} raised ValueError: no such word: café"
        )
        (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert "no such word" in logging.Formatter().formatException(record.exc_info)
        assert (await peer.ask("/fine")).code == pb.CODE_OK


async def test_not_even_leaving_the_process_takes_others_along(tmp_path):
    async with served(written(tmp_path, RAISES)) as (_, peer):
        assert (await peer.ask("/exit")).failure.exception == "SystemExit"
        assert (await peer.ask("/fine")).code == pb.CODE_OK


async def test_a_handlers_own_timeout_is_an_exception_and_no_deadline(tmp_path):
    async with served(written(tmp_path, RAISES)) as (_, peer):
        response = await peer.ask("/timeout", timeout_ms=60_000)
        assert (response.code, response.failure.exception) == (pb.CODE_FAILED, "TimeoutError")


RETURNS = """
from containerflow import NDArray

class Other(Document):
    score: float = 0.0

class Longer(Text):
    more: int = 0

class Returns(Executor):
    @requests(on="/text")
    def text(self, docs):
        return "documents"

    @requests(on="/number")
    def number(self, docs):
        return 3

    @requests(on="/mixed")
    def mixed(self, docs) -> list[Text]:
        return [Text(text="a"), {"text": "b"}]

    @requests(on="/wrong-model")
    def wrong_model(self, docs) -> list[Text]:
        return [Other()]

    @requests(on="/single")
    def single(self, docs) -> list[Text]:
        return Text(text="a")

    @requests(on="/single-declared")
    async def single_declared(self, docs) -> Text | None:
        return Text(text="a")

    @requests(on="/wrong-single")
    def wrong_single(self, docs) -> Text:
        return Other()

    @requests(on="/generator")
    def generator(self, docs):
        return (doc for doc in docs)

    @requests(on="/cannot-travel")
    def cannot_travel(self, docs):
        docs[0].handle = object()

    @requests(on="/subclass")
    def subclass(self, docs) -> list[Text]:
        return [Longer(text="a", more=1), Longer(text="b", more=2)]

    @requests(on="/several-models")
    def several(self, docs):
        return [Longer(text="a", more=1), Other(score=0.5)]
"""


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        (
            "/text",
            "returned a str; a handler returns a list of documents, one document, a dict, or None",
        ),
        ("/number", "returned an int;"),
        ("/generator", "returned a generator where a list of documents should be"),
        ("/mixed", "a list whose item 1 is a dict, where a Text should be"),
        ("/wrong-single", "a list whose item 0 is an Other, where a Text should be"),
        ("/wrong-model", "a list whose item 0 is an Other, where a Text should be"),
        ("/cannot-travel", "a value of type object cannot travel"),
    ],
)
async def test_a_wrong_return_names_executor_endpoint_and_what_was_returned(
    tmp_path, endpoint, says
):
    async with served(written(tmp_path, RETURNS)) as (_, peer):
        response = await peer.ask(endpoint, ONE)
        assert response.code == pb.CODE_FAILED
        assert response.failure.message.startswith(f"Executor 'worker' at {endpoint} ")
        assert says in response.failure.message


@pytest.mark.parametrize("endpoint", ["/single", "/single-declared"])
async def test_one_document_is_a_list_of_one(tmp_path, endpoint):
    async with served(written(tmp_path, RETURNS)) as (_, peer):
        assert texts(await peer.ask(endpoint, {"data": [{"text": "x"}, {"text": "y"}]})) == ["a"]


async def test_all_fields_of_a_subclass_travel(tmp_path):
    async with served(written(tmp_path, RETURNS)) as (_, peer):
        assert [doc["more"] for doc in data(await peer.ask("/subclass", ONE))] == [1, 2]
        several = data(await peer.ask("/several-models", ONE))
        assert (several[0]["more"], several[1]["score"]) == (1, 0.5)


# Codecs, joins, names


async def test_tensors_travel_in_binary_both_ways_and_are_lists_for_the_caller(tmp_path):
    class Vector(Document):
        vector: NDArray

    source = """
        from containerflow import NDArray

        class Vector(Document):
            vector: NDArray[3]

        class Doubles(Executor):
            @requests
            def double(self, docs: list[Vector], **kwargs):
                for doc in docs:
                    doc.vector = doc.vector * 2
    """
    adapter = TypeAdapter(list[Vector])
    body = encode([Vector(vector=np.arange(3, dtype="<f4"))], adapter, codec=BINARY)
    parts = [pb.Part(codec=BINARY, body=body)]
    async with served(written(tmp_path, source)) as (_, peer):
        binary = await peer.ask("/x", parts=parts, accept=BINARY)
        assert binary.codec == BINARY
        (doc,) = decode(BINARY, binary.body, adapter).docs
        assert (doc.vector.dtype, doc.vector.tolist()) == (np.dtype("<f4"), [0, 2, 4])
        assert data(await peer.ask("/x", parts=parts))[0]["vector"] == [0, 2, 4]


async def test_parts_of_a_join_are_united_by_id(tmp_path):
    left = pb.Part(source="l", codec=pb.CODEC_JSON, body=b'{"data":[{"id":"1","text":"a"}]}')
    right = pb.Part(source="r", codec=pb.CODEC_JSON, body=b'{"data":[{"id":"1","text":"z","n":2}]}')
    async with served(written(tmp_path, FORMS)) as (_, peer):
        (doc,) = data(await peer.ask("/in-place", parts=[left, right]))
        assert doc == {"id": "1", "text": "a!", "n": 2}


async def test_an_answer_that_feeds_a_join_says_what_nobody_set(tmp_path):
    source = """
        class Ranked(Text):
            rank: int = 0

        class Ranks(Executor):
            @requests
            def rank(self, docs: list[Ranked], **kwargs):
                docs[0].rank = 7
    """
    body = {"data": [{"text": "a"}, {"text": "b"}]}
    async with served(written(tmp_path, source)) as (_, peer):
        joined = json.loads((await peer.ask("/x", body, joined=True)).body)
        assert joined["unset"] == [[], ["rank"]]
        assert "unset" not in json.loads((await peer.ask("/x", body)).body)


async def test_replicas_that_read_the_same_request_agree_on_the_names(tmp_path):
    async with served(written(tmp_path, FORMS)) as (_, peer):
        answers = [await peer.ask("/in-place", ONE, request_id="same") for _ in range(2)]
        assert data(answers[0])[0]["id"] == data(answers[1])[0]["id"]


# Executors without a class


async def test_without_any_source_documents_pass_through(tmp_path):
    async with served(tmp_path / "nothing") as (_, peer):
        (endpoint,) = (await peer.welcome).description.endpoints
        assert endpoint.name == "/default"
        response = await peer.ask("/anything", {**ONE, "parameters": {"a": 1}})
        answer = json.loads(response.body)
        assert answer["data"][0]["text"] == "a"
        assert answer["data"][0]["id"]
        assert answer["parameters"] == {"a": 1}
        assert answer["header"] == {"requestId": "r1"}


async def test_bodies_pass_through_untouched_between_executors(tmp_path):
    body = encode([Document(x=np.eye(2))], TypeAdapter(list[Document]), codec=BINARY)
    async with served(tmp_path / "nothing") as (_, peer):
        response = await peer.ask(
            "/x", parts=[pb.Part(codec=BINARY, body=body)], accept=pb.CODEC_BINARY
        )
        assert (response.codec, response.body) == (pb.CODEC_BINARY, body)
        wrapped = await peer.ask("/x", ONE, accept=pb.CODEC_BINARY)
        (doc,) = decode(wrapped.codec, wrapped.body, TypeAdapter(list[Document])).docs
        assert doc.text == "a"


async def test_a_pass_through_refuses_what_is_no_document(tmp_path):
    async with served(tmp_path / "nothing") as (_, peer):
        assert (await peer.ask("/x", b"{")).code == pb.CODE_MALFORMED
        assert (await peer.ask("/x", {"data": ["a"]})).code == pb.CODE_INVALID
