"""Both clients, over both protocols, against real Gateways."""

from __future__ import annotations

import asyncio
import importlib
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy
import pytest
from pydantic import BaseModel

from containerflow.client import AsyncClient, Client
from containerflow.errors import Code, RequestError
from containerflow.runtime.gateway.server import GatewayServer
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.documents import Document, NDArray
from tests.unit.runtime.gateway.lane_peer import LanePeer, echo
from tests.unit.runtime.gateway.running import Names, chain, gateway, until

PROTOCOLS = ["http", "grpc"]


class Text(Document):
    text: str


class Vector(Document):
    embedding: NDArray


class Plain(BaseModel):
    text: str


def address(server: GatewayServer, protocol: str) -> str:
    return f"{protocol}://127.0.0.1:{server.ports[PROTOCOLS.index(protocol)]}"


@asynccontextmanager
async def flow(
    answer: Callable[[pb.Request], Any] = echo, **settings: Any
) -> AsyncIterator[tuple[GatewayServer, LanePeer]]:
    peer = LanePeer(answer=answer)
    async with gateway(chain("a"), {"a": [peer]}, protocols=tuple(PROTOCOLS), **settings) as one:
        yield one, peer


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def test_documents_go_out_and_come_back_typed(protocol: str) -> None:
    async with flow() as (server, _), AsyncClient(address(server, protocol)) as client:
        for inputs in (Text(text="a"), {"text": "a"}, [Text(text="a")], [{"text": "a"}]):
            (document,) = await client.post("/echo", inputs)
            assert type(document) is Document
            assert document.text == "a"  # type: ignore[attr-defined]
            (text,) = await client.post("/echo", inputs, return_type=Text)
            assert type(text) is Text
            (text,) = await client.post("/echo", inputs, return_type=list[Text])
            assert type(text) is Text
            (plain,) = await client.post("echo", inputs, return_type=Plain)
            assert plain == Plain(text="a")


async def test_documents_of_several_kinds_keep_their_fields(protocol: str) -> None:
    inputs: list[Any] = [Text(id="1", text="a"), Plain(text="b"), {"id": "3", "n": 1}]
    async with flow() as (server, _), AsyncClient(address(server, protocol)) as client:
        answer = await client.post("/echo", inputs)
    assert [document.model_dump(exclude={"id"}) for document in answer] == [
        {"text": "a"},
        {"text": "b"},
        {"n": 1},
    ]


async def test_tensors_travel_as_numbers_or_as_raw_bytes(protocol: str) -> None:
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    async with flow() as (server, peer), AsyncClient(address(server, protocol)) as client:
        for sent in (Vector(embedding=array), {"embedding": array}):
            (vector,) = await client.post("/echo", sent, return_type=Vector)
            assert (vector.embedding == array).all()
            body = peer.requests[-1].parts[0].body
            assert (array.tobytes() in body) is (protocol == "grpc")


async def test_a_generators_documents_are_sent_in_batches_in_order(protocol: str) -> None:
    def several() -> Iterator[Text]:
        for number in range(7):
            yield Text(text=str(number))

    async def later() -> AsyncIterator[Text]:
        for document in several():
            yield document

    for inputs in (several(), later()):
        async with flow() as (server, peer), AsyncClient(address(server, protocol)) as client:
            answer = await client.post("/echo", inputs, return_type=Text, request_size=3)
            assert [text.text for text in answer] == list("0123456")
            assert len(peer.requests) == 3


async def test_without_inputs_the_handler_is_called_once_with_none(protocol: str) -> None:
    async with flow() as (server, peer), AsyncClient(address(server, protocol)) as client:
        nothings: list[Any] = [None, [], iter(())]
        for nothing in nothings:
            assert await client.post("/echo", nothing, parameters={"k": 1}) == []
        assert len(peer.requests) == 3
        assert all(b'"parameters":{"k":1}' in sent.parts[0].body for sent in peer.requests)


async def test_what_is_no_document_is_refused_before_it_is_sent(protocol: str) -> None:
    async with flow() as (server, peer), AsyncClient(address(server, protocol)) as client:
        wrong: list[Any] = ["text", 5, [Text(text="a"), "text"], {"value": object()}]
        for inputs in wrong:
            with pytest.raises(RequestError) as caught:
                await client.post("/echo", inputs)
            assert caught.value.code is Code.INVALID
        assert not peer.requests


async def test_a_failure_carries_all_that_the_flow_said(protocol: str) -> None:
    def refuse(request: pb.Request) -> pb.Response:
        detail = b'[{"loc":["data",0,"text"],"msg":"m","type":"t"}]'
        told = pb.Failure(message="no", executor="a", exception="ValueError", detail=detail)
        return pb.Response(code=pb.CODE_FAILED, failure=told)

    async with flow(refuse) as (server, peer), AsyncClient(address(server, protocol)) as client:
        with pytest.raises(RequestError, match="no") as caught:
            await client.post("/echo", Text(text="a"))
    error = caught.value
    assert (error.code, error.executor, error.exception) == (Code.FAILED, "a", "ValueError")
    assert error.detail == ({"loc": ["data", 0, "text"], "msg": "m", "type": "t"},)
    assert error.request_id == peer.requests[0].request_id != ""


async def test_an_unknown_endpoint_is_not_found(protocol: str) -> None:
    async with flow() as (server, _), AsyncClient(address(server, protocol)) as client:
        with pytest.raises(RequestError, match="/echo") as caught:
            await client.post("/ehco", Text(text="a"))
    assert caught.value.code is Code.NOT_FOUND


async def test_a_timeout_is_the_requests_deadline(protocol: str) -> None:
    async def never(request: pb.Request) -> pb.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with flow(never) as (server, peer), AsyncClient(address(server, protocol)) as client:
        with pytest.raises(RequestError) as caught:
            await client.post("/echo", Text(text="a"), timeout=0.05)
        assert caught.value.code is Code.DEADLINE_EXCEEDED
        await until(lambda: bool(peer.cancelled))
        with pytest.raises(RequestError, match="more than 0"):
            await client.post("/echo", timeout=0)


async def test_an_answer_that_does_not_fit_says_where(protocol: str) -> None:
    async with flow() as (server, _), AsyncClient(address(server, protocol)) as client:
        with pytest.raises(RequestError, match=r"does not fit Text.*text") as caught:
            await client.post("/echo", {"id": "1"}, return_type=Text)
    assert caught.value.code is Code.INVALID
    assert caught.value.detail[0]["loc"] == ["data", 0, "text"]


async def test_where_nobody_answers_the_error_names_the_address(protocol: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        async with AsyncClient(f"{protocol}://127.0.0.1:{port}") as client:
            assert await client.is_flow_ready() is False
            for question in (client.post("/x"), client.readiness(), client.describe()):
                with pytest.raises(RequestError, match=f"{protocol}://127.0.0.1:{port}") as caught:
                    await question
                assert caught.value.code is Code.UNAVAILABLE


async def test_readiness_follows_the_flow(protocol: str) -> None:
    first = await LanePeer(name="a").start()
    second = await LanePeer(name="b").start()
    names = Names({"a": [first]})
    async with (
        gateway(chain("a", "b"), names=names, wait=False, protocols=tuple(PROTOCOLS)) as server,
        AsyncClient(address(server, protocol)) as client,
    ):
        while await client.readiness() != {"a": True, "b": False}:
            await asyncio.sleep(0.005)
        assert not await client.is_flow_ready()
        names.addresses.update(Names({"b": [second]}).addresses)
        while not await client.is_flow_ready():
            await asyncio.sleep(0.005)
        assert await client.readiness() == {"a": True, "b": True}
    await first.close()
    await second.close()


async def test_describe_tells_the_same_over_both_protocols() -> None:
    async with flow() as (server, _):
        told = []
        for protocol in PROTOCOLS:
            async with AsyncClient(address(server, protocol)) as client:
                told.append(await client.describe())
    assert told[0] == told[1]
    assert told[0].name == "test"
    assert told[0].executors == ("a",)
    (endpoint,) = told[0].endpoints
    assert endpoint.name == "/echo"
    assert endpoint.summary == "a at /echo"
    assert endpoint.input_schema["title"] == "Text"


async def test_the_sync_client_works_inside_a_running_loop(protocol: str) -> None:
    async with flow() as (server, _):

        def talk() -> list[Text]:
            # In a notebook the cell itself runs on a loop; here the Gateway needs ours, so a
            # second loop stands for the notebook's.
            async def cell() -> list[Text]:
                with Client(address(server, protocol)) as client:
                    assert client.is_flow_ready()
                    assert client.readiness() == {"a": True}
                    assert client.describe().name == "test"
                    return client.post("/echo", Text(text="a"), return_type=Text)

            return asyncio.run(cell())

        (text,) = await asyncio.to_thread(talk)
    assert text.text == "a"


async def test_the_sync_client_works_without_a_loop_and_after_a_close(protocol: str) -> None:
    async with flow() as (server, _):

        def talk() -> None:
            client = Client(address(server, protocol))
            for _ in range(2):
                assert len(client.post("/echo", [{"text": "a"}] * 250)) == 250
                client.close()
            client.close()

        await asyncio.to_thread(talk)


async def test_one_sync_client_serves_several_threads(protocol: str) -> None:
    async with flow() as (server, peer):
        with Client(address(server, protocol)) as client:
            answers = await asyncio.gather(
                *(asyncio.to_thread(client.post, "/echo", {"n": n}) for n in range(20))
            )
            assert [document.n for (document,) in answers] == list(range(20))  # type: ignore[attr-defined]
        assert len(peer.requests) == 20


def test_an_async_client_outlives_the_loop_that_it_was_first_used_on() -> None:
    client = AsyncClient("http://127.0.0.1:1")

    async def ask() -> bool:
        ready = await client.is_flow_ready()
        await client.close()
        return ready

    for _ in range(2):
        assert asyncio.run(ask()) is False


async def test_an_answer_of_somebody_between_is_shown() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Sorry\r\nContent-Length: 7\r\n\r\nproxied")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with AsyncClient(f"http://127.0.0.1:{port}") as client:
        with pytest.raises(RequestError, match="proxied") as caught:
            await client.post("/x", Text(text="a"))
    assert caught.value.code is Code.OVERLOADED
    server.close()


def test_importing_the_client_loads_no_protocol() -> None:
    program = (
        "import sys, containerflow.client; "
        "print([name for name in ('aiohttp', 'grpc', 'pydantic', 'numpy') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


async def test_questions_to_a_peer_that_never_answers_end(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"containerflow.client.{protocol}_transport")
    monkeypatch.setattr(module, "QUESTION_SECONDS", 0.2)
    silent = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silent.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with AsyncClient(f"{protocol}://127.0.0.1:{port}") as client:
        assert await client.is_flow_ready() is False
        for question in (client.readiness(), client.describe()):
            with pytest.raises(RequestError) as caught:
                await question
            assert caught.value.code in (Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE)
    silent.set()
    server.close()
