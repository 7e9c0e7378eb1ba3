"""What a caller gets from a Flow of real containers, for good requests and bad ones."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from containerflow import Client, Code, Document, Flow, RequestError

pytestmark = pytest.mark.engine

WORDS = str(Path(__file__).parent / "executors" / "words")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def error(self) -> dict[str, Any]:
        error = self.body["error"]
        assert isinstance(error, dict)
        return error


def post(url: str, body: Any, headers: dict[str, str] | None = None) -> Answer:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return Answer(response.status, dict(response.headers), json.load(response))
    except urllib.error.HTTPError as error:
        return Answer(error.code, dict(error.headers), json.load(error))


@pytest.fixture(scope="module")
def chain() -> Iterator[Flow]:
    flow = (
        Flow(
            name="requests-chain",
            protocol=["http", "grpc"],
            port=[0, 0],
            max_request_size=100_000,
            quiet=True,
        )
        .add(name="first", uses=WORDS)
        .add(name="second", uses=WORDS, uses_with={"suffix": "!"})
    )
    with flow:
        yield flow


@pytest.fixture
def url(chain: Flow) -> str:
    return f"http://127.0.0.1:{chain.port}"


def test_documents_pass_every_executor_in_order(url: str) -> None:
    answer = post(f"{url}/tag", {"data": [{"id": "a", "text": "hi"}]})
    assert answer.status == 200
    assert answer.body["data"][0]["path"] == ["first", "second!"]
    assert answer.body["data"][0]["text"] == "hi"


def test_uses_with_reaches_the_class(url: str) -> None:
    answer = post(f"{url}/count", {"data": [{"id": "a", "text": "to be or"}]})
    assert answer.body["data"] == [{"id": "a", "text": "to be or!", "words": 3}]


def test_parameters_for_one_executor_reach_only_that_one(url: str) -> None:
    answer = post(f"{url}/tag", {"data": [{}], "parameters": {"mark": 1, "second__mark": 2}})
    document = answer.body["data"][0]
    assert (document["seen_by_first"], document["seen_by_second"]) == (1, 2)


def test_a_request_id_of_the_callers_own_comes_back(url: str) -> None:
    answer = post(f"{url}/tag", {"data": []}, {"X-Request-ID": "mine-1"})
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.body["header"]["requestId"] == "mine-1"


def test_a_mapping_that_a_handler_returns_stands_under_its_name(url: str) -> None:
    answer = post(f"{url}/nap", {"parameters": {"seconds": 0}})
    assert answer.body["parameters"]["__results__"] == {
        "first": {"slept": 0},
        "second": {"slept": 0},
    }


def test_given_text_that_is_not_json_the_answer_is_400_with_line_and_column(url: str) -> None:
    answer = post(f"{url}/count", b'{"data": [\n  {"text": }]}')
    assert answer.status == 400
    assert answer.error["code"] == "MALFORMED"
    assert "line 2 column 12" in answer.error["message"]


def test_given_a_wrong_type_the_answer_is_422_with_the_path_of_the_field(url: str) -> None:
    answer = post(f"{url}/count", {"data": [{"text": "fine"}, {"text": 7}]})
    assert answer.status == 422
    assert answer.error["code"] == "INVALID"
    assert answer.error["executor"] == "first"
    assert [fault["loc"] for fault in answer.error["detail"]] == [["data", 1, "text"]]


def test_given_wrong_parameters_the_answer_is_422_with_their_path(url: str) -> None:
    answer = post(f"{url}/nap", {"parameters": {"seconds": "long"}})
    assert answer.status == 422
    assert answer.error["detail"][0]["loc"] == ["parameters", "seconds"]


def test_given_an_unknown_endpoint_the_answer_is_404_with_the_known_ones(url: str) -> None:
    answer = post(f"{url}/cuont", {"data": []})
    assert answer.status == 404
    assert "/count" in answer.error["message"]
    assert "/tag" in answer.error["message"]


def test_given_an_oversize_body_the_answer_is_413(url: str) -> None:
    answer = post(f"{url}/tag", {"data": [{"text": "x" * 200_000}]})
    assert answer.status == 413
    assert answer.error["code"] == "TOO_LARGE"
    assert "100000" in answer.error["message"]


def test_given_an_oversize_chunked_body_the_answer_is_413(chain: Flow) -> None:
    assert chain.port is not None
    with socket.create_connection(("127.0.0.1", chain.port), timeout=20) as connection:
        connection.sendall(
            b"POST /tag HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"c350\r\n" + b"x" * 0xC350 + b"\r\n" for _ in range(3))
            + b"0\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_given_a_handler_that_raises_the_answer_is_500_naming_executor_and_request(
    url: str,
) -> None:
    answer = post(f"{url}/raise", {"data": [{}]}, {"X-Request-ID": "r-77"})
    assert answer.status == 500
    assert answer.error["executor"] == "first"
    assert answer.error["requestId"] == "r-77"
    assert answer.error["exception"] == "ValueError"
    assert "no good" in answer.error["message"]


def test_given_a_handler_that_returns_nonsense_the_answer_is_500_naming_the_endpoint(
    url: str,
) -> None:
    answer = post(f"{url}/wrong", {"data": [{}]})
    assert answer.status == 500
    assert answer.error["executor"] == "first"
    assert "/wrong" in answer.error["message"]


def test_given_a_deadline_that_passes_the_answer_is_504(url: str) -> None:
    answer = post(f"{url}/nap", {"parameters": {"seconds": 30}}, {"X-Request-Timeout": "0.3"})
    assert answer.status == 504
    assert answer.error["code"] == "DEADLINE_EXCEEDED"


def test_after_every_kind_of_fault_the_flow_still_answers(url: str) -> None:
    for path, body in (("/raise", b"{}"), ("/count", b"{"), ("/none", b"{}"), ("/wrong", b"{}")):
        assert post(url + path, body).status >= 400
    assert post(f"{url}/tag", {"data": [{}]}).status == 200


def test_a_crowd_of_callers_each_gets_its_own_answer(url: str) -> None:
    texts = [f"text {number}" for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda t: post(f"{url}/count", {"data": [{"text": t}]}), texts))
    assert [answer.body["data"][0]["text"] for answer in answers] == [f"{t}!" for t in texts]


def test_health_pages_answer(url: str) -> None:
    for path in ("/livez", "/readyz", "/openapi.json", "/docs", "/status"):
        with urllib.request.urlopen(url + path, timeout=20) as response:
            assert response.status == 200, path


def test_openapi_shows_the_models_of_first_and_last_executor(url: str) -> None:
    with urllib.request.urlopen(f"{url}/openapi.json", timeout=20) as response:
        document = json.load(response)
    operation = document["paths"]["/count"]["post"]
    assert {"Text", "Counted"} <= document["components"]["schemas"].keys()
    assert "422" in operation["responses"]


class Counted(BaseModel):
    text: str
    words: int


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_client_gets_typed_documents_over_either_protocol(chain: Flow, protocol: str) -> None:
    address = next(one for one in chain.addresses if one.protocol == protocol)
    with Client(host=f"{protocol}://{address.local}") as client:
        documents = client.post("/count", inputs={"text": "a b c"}, return_type=Counted)
        assert documents == [Counted(text="a b c!", words=3)]


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_a_client_gets_a_typed_error_over_either_protocol(chain: Flow, protocol: str) -> None:
    address = next(one for one in chain.addresses if one.protocol == protocol)
    with Client(host=f"{protocol}://{address.local}") as client:
        with pytest.raises(RequestError) as caught:
            client.post("/raise", inputs=Document())
        assert caught.value.code is Code.FAILED
        assert caught.value.executor == "first"
        with pytest.raises(RequestError) as caught:
            client.post("/count", inputs={"text": None})
        assert caught.value.code is Code.INVALID
        assert caught.value.detail[0]["loc"] == ["data", 0, "text"]


@pytest.mark.parametrize(("spoken", "written"), [("http", "grpc"), ("grpc", "http")])
def test_given_the_other_protocol_a_client_is_told_which_one_to_write(
    chain: Flow, spoken: str, written: str
) -> None:
    address = next(one for one in chain.addresses if one.protocol == spoken)
    with Client(host=f"{written}://{address.local}") as client:
        with pytest.raises(RequestError) as caught:
            client.post("/count", inputs={"text": "a"})
        assert caught.value.code is Code.UNAVAILABLE
        assert f"speaks {spoken}, not {written}" in caught.value.message


@pytest.fixture(scope="module")
def diamond() -> Iterator[Flow]:
    flow = (
        Flow(name="requests-diamond", protocol="http", port=0, quiet=True)
        .add(name="root", uses=WORDS)
        .add(name="left", uses=WORDS, needs="root")
        .add(name="right", uses=WORDS, needs="root", replicas=2)
        .add(name="join", uses=WORDS, needs=["right", "left"])
    )
    with flow:
        yield flow


def test_a_join_unites_documents_by_id_in_declared_order(diamond: Flow) -> None:
    url = f"http://127.0.0.1:{diamond.port}"
    answers = [post(f"{url}/tag", {"data": [{"text": "a"}, {"text": "b"}]}) for _ in range(20)]
    for answer in answers:
        first, second = answer.body["data"]
        # `right` stands left-most in the join's needs, so its `path` wins.
        assert first["path"] == second["path"] == ["root", "right", "join"]
        assert (first["text"], second["text"]) == ("a", "b")
        assert first["seen_by_left"]
        assert first["seen_by_right"]
        assert first["seen_by_root"]


def test_given_transport_grpc_the_hops_speak_grpc_and_the_answers_are_the_same() -> None:
    flow = (
        Flow(name="requests-grpc", protocol="http", port=0, transport="grpc", quiet=True)
        .add(name="first", uses=WORDS)
        .add(name="second", uses=WORDS, uses_with={"suffix": "!"})
    )
    with flow:
        url = f"http://127.0.0.1:{flow.port}"
        answer = post(f"{url}/tag", {"data": [{"id": "a", "text": "hi"}]})
        assert answer.body["data"][0]["path"] == ["first", "second!"]
        failed = post(f"{url}/count", {"data": [{"text": 7}]})
        assert (failed.status, failed.error["executor"]) == (422, "first")


def test_an_empty_flow_is_only_a_gateway_and_answers() -> None:
    with Flow(name="requests-empty", protocol="http", port=0, quiet=True) as flow:
        answer = post(f"http://127.0.0.1:{flow.port}/any", {"data": [{"text": "x"}]})
        assert answer.status == 200
        assert answer.body["data"][0]["text"] == "x"
        assert post(f"http://127.0.0.1:{flow.port}/any", b"[").status == 400
