"""A Gateway in front of the real Executor runtime, asked by the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import aiohttp
import numpy
import pytest

from containerflow.client import AsyncClient
from containerflow.errors import Code, RequestError
from containerflow.runtime.executor.server import ExecutorServer
from containerflow.runtime.gateway.door import Address
from containerflow.runtime.gateway.server import GatewayServer
from containerflow.wire.documents import Document, NDArray
from containerflow.wire.settings import ExecutorSettings, NodeSettings
from tests.unit.runtime.gateway.running import Names, chain, gateway, until, url

CLEAN = """
    from containerflow import Document, Executor, requests

    class Text(Document):
        text: str

    class Clean(Executor):
        @requests
        def clean(self, docs: list[Text]) -> list[Text]:
            for doc in docs:
                doc.text = doc.text.strip().lower()
            return docs
"""

ENCODE = """
    import numpy
    from containerflow import Document, Executor, NDArray, requests

    class Text(Document):
        text: str

    class Vector(Text):
        embedding: NDArray | None = None

    class Encode(Executor):
        @requests(on="/search")
        async def encode(self, docs: list[Text]) -> list[Vector]:
            return [
                Vector(**doc.model_dump(), embedding=numpy.array([len(doc.text), 0.5]))
                for doc in docs
            ]
"""

COUNT = """
    from containerflow import Document, Executor, requests

    class Text(Document):
        text: str
        words: int | None = None

    class Count(Executor):
        @requests(on=["/search", "/count"])
        def count(self, docs: list[Text], parameters) -> list[Text]:
            for doc in docs:
                doc.words = len(doc.text.split()) * parameters.get("factor", 1)
            return docs
"""

RANK = """
    from containerflow import Document, Executor, NDArray, requests

    class Scored(Document):
        text: str
        words: int
        embedding: NDArray
        score: float = 0.0

    class Rank(Executor):
        @requests(on="/search")
        def rank(self, docs: list[Scored]) -> list[Scored]:
            for doc in docs:
                doc.score = doc.words + float(doc.embedding.sum())
            return sorted(docs, key=lambda doc: -doc.score)
"""

FAIL = """
    from containerflow import Document, Executor, requests

    class Fail(Executor):
        @requests(on="/fail")
        def fail(self, docs: list[Document]) -> None:
            raise LookupError("there is no such thing")
"""

SEARCH = [
    NodeSettings(name="clean", host="clean"),
    NodeSettings(name="encode", needs=("clean",), host="encode"),
    NodeSettings(name="count", needs=("clean",), host="count"),
    NodeSettings(name="rank", needs=("encode", "count"), host="rank"),
]
SOURCES = {"clean": CLEAN, "encode": ENCODE, "count": COUNT, "rank": RANK}


class Scored(Document):
    text: str
    words: int
    embedding: NDArray
    score: float


@asynccontextmanager
async def flow(
    nodes: list[NodeSettings], sources: Mapping[str, str], folder: Path
) -> AsyncIterator[GatewayServer]:
    names = Names({})
    async with AsyncExitStack() as stack:
        for name, source in sources.items():
            place = folder / name
            place.mkdir()
            (place / "executor.py").write_text(dedent(source))
            settings = ExecutorSettings(
                name=name,
                workspace=str(folder / "workspace"),
                lane_port=0,
                grpc_port=0,
                admin_port=0,
            )
            server = ExecutorServer(settings, place, host="127.0.0.1")
            stack.push_async_callback(server.close)
            await server.open()
            await server.make_ready()
            transport = next(node.transport for node in nodes if node.name == name)
            port = server.grpc_port if transport == "grpc" else server.lane_port
            names.addresses[name] = {Address("127.0.0.1", port)}
        yield await stack.enter_async_context(
            gateway(nodes, names=names, protocols=("http", "grpc"))
        )


def clients(server: GatewayServer) -> list[AsyncClient]:
    return [
        AsyncClient(f"http://127.0.0.1:{server.ports[0]}"),
        AsyncClient(f"grpc://127.0.0.1:{server.ports[1]}"),
    ]


async def test_documents_pass_a_fan_out_and_a_join(tmp_path: Path) -> None:
    inputs = [{"id": "1", "text": " One "}, {"id": "2", "text": "Two WORDS"}]
    async with flow(SEARCH, SOURCES, tmp_path) as server:
        for client in clients(server):
            async with client:
                docs = await client.post(
                    "/search", inputs, parameters={"factor": 10}, return_type=Scored
                )
                assert [(doc.id, doc.text, doc.words) for doc in docs] == [
                    ("2", "two words", 20),
                    ("1", "one", 10),
                ]
                assert (docs[0].embedding == numpy.array([9.0, 0.5])).all()
                assert docs[0].score == 29.5


async def test_documents_without_ids_are_united_as_well(tmp_path: Path) -> None:
    async with flow(SEARCH, SOURCES, tmp_path) as server:
        for client in clients(server):
            async with client:
                docs = await client.post("/search", [{"text": "a"}, {"text": "b c"}])
                assert len(docs) == 2


async def test_an_endpoint_of_one_branch_leaves_the_others_out(tmp_path: Path) -> None:
    async with flow(SEARCH, SOURCES, tmp_path) as server:
        for client in clients(server):
            async with client:
                (doc,) = await client.post("/count", {"id": "1", "text": " A b "})
                assert doc.model_dump() == {"id": "1", "text": "a b", "words": 2}


async def test_wrong_types_are_told_with_their_path(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with flow(chain("clean"), {"clean": CLEAN}, tmp_path) as server:
        body = {"data": [{"text": "a"}, {"text": 5}]}
        async with http.post(url(server, "/x"), json=body) as answer:
            assert answer.status == 422
            error = (await answer.json())["error"]
        assert error["executor"] == "clean"
        assert error["detail"][0]["loc"] == ["data", 1, "text"]
        async with http.post(url(server, "/x"), data=b'{"data": [') as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "MALFORMED"
        for client in clients(server):
            async with client:
                with pytest.raises(RequestError) as caught:
                    await client.post("/x", [{"text": "a"}, {"text": 5}])
                assert caught.value.code is Code.INVALID
                assert caught.value.detail[0]["loc"] == ["data", 1, "text"]


async def test_an_exception_in_a_handler_names_the_executor_and_the_request(
    tmp_path: Path,
) -> None:
    sources = {"clean": CLEAN, "fail": FAIL}
    async with flow(chain("clean", "fail"), sources, tmp_path) as server:
        for client in clients(server):
            async with client:
                with pytest.raises(RequestError, match="there is no such thing") as caught:
                    await client.post("/fail", {"text": "a"})
                error = caught.value
                assert (error.code, error.executor) == (Code.FAILED, "fail")
                assert error.exception == "LookupError"
                assert error.request_id


async def test_a_json_answer_has_a_header_with_the_request_id(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with flow(SEARCH, SOURCES, tmp_path) as server:
        body: dict[str, Any] = {"data": [{"id": "1", "text": "a"}]}
        headers = {"X-Request-ID": "mine"}
        for endpoint in ("/search", "/count", "/anything"):
            async with http.post(url(server, endpoint), json=body, headers=headers) as answer:
                told = await answer.json()
            assert told["header"] == {"requestId": "mine"}
            assert "unset" not in told


async def test_an_executor_may_be_reached_by_grpc(tmp_path: Path) -> None:
    nodes = [NodeSettings(name="clean", host="clean", transport="grpc")]
    async with flow(nodes, {"clean": CLEAN}, tmp_path) as server:
        for client in clients(server):
            async with client:
                (doc,) = await client.post("/x", {"id": "1", "text": " A "})
                assert doc.model_dump() == {"id": "1", "text": "a"}


async def test_the_page_shows_the_models_that_the_executors_declare(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with (
        flow(SEARCH, SOURCES, tmp_path) as server,
        http.get(url(server, "/openapi.json")) as answer,
    ):
        told = await answer.json()
    assert set(told["paths"]) == {"/search", "/count", "/{endpoint}"}
    assert "Scored" in told["components"]["schemas"]
    assert told["components"]["schemas"]["Scored"]["properties"]["embedding"]["type"] == "array"


async def test_an_executor_that_stops_drains(tmp_path: Path) -> None:
    place = tmp_path / "clean"
    place.mkdir()
    (place / "executor.py").write_text(dedent(CLEAN))
    settings = ExecutorSettings(
        name="clean", workspace=str(tmp_path), lane_port=0, grpc_port=0, admin_port=0
    )
    executor = ExecutorServer(settings, place, host="127.0.0.1")
    await executor.open()
    await executor.make_ready()
    names = Names({})
    names.addresses["clean"] = {Address("127.0.0.1", executor.lane_port)}
    async with (
        gateway(chain("clean", retries=0), names=names) as server,
        AsyncClient(f"http://127.0.0.1:{server.ports[0]}") as client,
    ):
        assert len(await client.post("/x", {"text": "a"})) == 1
        await executor.close()
        await until(lambda: not server.gateway.is_ready())
        with pytest.raises(RequestError, match="No replica") as caught:
            await client.post("/x", {"text": "a"})
        assert caught.value.code is Code.UNAVAILABLE
