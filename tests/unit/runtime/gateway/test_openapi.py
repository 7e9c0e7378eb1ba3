"""The OpenAPI document, from models as pydantic describes them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import aiohttp
from pydantic import BaseModel, create_model

from containerflow.runtime.gateway.components import Components
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.documents import Document
from containerflow.wire.settings import NodeSettings
from tests.unit.runtime.gateway.lane_peer import LanePeer
from tests.unit.runtime.gateway.running import chain, gateway, until, url


class Tag(BaseModel):
    name: str


class Text(Document):
    text: str
    tags: tuple[Tag, ...] = ()


class Tree(Document):
    children: tuple[Tree, ...] = ()


class Limits(BaseModel):
    top_k: int = 10


def schema(model: type[BaseModel]) -> bytes:
    return json.dumps(model.model_json_schema()).encode()


def endpoint(
    name: str, taken: type[BaseModel], given: type[BaseModel], parameters: bytes = b""
) -> pb.Endpoint:
    return pb.Endpoint(
        name=name,
        summary=f"About {name}.",
        input_schema=schema(taken),
        output_schema=schema(given),
        parameters_schema=parameters,
    )


class Described(LanePeer):
    def __init__(self, name: str, *endpoints: pb.Endpoint) -> None:
        super().__init__(name=name)
        self.told = pb.Description(name=name, endpoints=endpoints)

    def description(self) -> pb.Description:
        return self.told


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in value:
        value = document["components"]["schemas"][value["$ref"].rsplit("/", 1)[1]]
    return value


async def document(http: aiohttp.ClientSession, address: str) -> dict[str, Any]:
    async with http.get(address) as answer:
        told: dict[str, Any] = await answer.json()
    known = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    assert set(references(told)) <= known
    assert "$defs" not in json.dumps(told)
    return told


def taken(document: dict[str, Any], path: str) -> dict[str, Any]:
    body = document["paths"][path]["post"]["requestBody"]
    properties: dict[str, Any] = body["content"]["application/json"]["schema"]["properties"]
    return properties


def given(document: dict[str, Any], path: str) -> dict[str, Any]:
    answer = document["paths"][path]["post"]["responses"]["200"]
    properties: dict[str, Any] = answer["content"]["application/json"]["schema"]["properties"]
    return properties


async def test_an_endpoint_takes_the_first_executors_model_and_gives_the_lasts(
    http: aiohttp.ClientSession,
) -> None:
    peers: dict[str, list[LanePeer]] = {
        "a": [Described("a", endpoint("/search", Text, Tag))],
        "b": [Described("b", endpoint("/search", Tag, Tree, schema(Limits)))],
    }
    async with gateway(chain("a", "b"), peers, title="T", description="D") as server:
        told = await document(http, url(server, "/openapi.json"))
    assert told["openapi"] == "3.1.0"
    assert told["info"]["title"] == "T"
    assert told["info"]["description"] == "D"
    assert set(told["paths"]) == {"/search"}
    request, answer = taken(told, "/search"), given(told, "/search")
    assert resolve(told, request["data"]["items"])["title"] == "Text"
    assert resolve(told, answer["data"]["items"])["title"] == "Tree"
    assert resolve(told, request["parameters"])["properties"]["top_k"]["default"] == 10
    assert "requestId" in answer["header"]["properties"]
    operation = told["paths"]["/search"]["post"]
    assert operation["summary"] == "About /search."
    assert set(operation["responses"]) == {
        "200", "400", "404", "413", "422", "500", "502", "503", "504",
    }  # fmt: skip


async def test_branches_that_both_read_the_caller_must_both_be_satisfied(
    http: aiohttp.ClientSession,
) -> None:
    nodes = [NodeSettings(name=name, host=name) for name in ("a", "b", "c")]
    peers: dict[str, list[LanePeer]] = {
        "a": [Described("a", endpoint("/x", Text, Text))],
        "b": [Described("b", endpoint("/x", Tree, Tree))],
        "c": [Described("c", endpoint("/x", Text, Text))],
    }
    async with gateway(nodes, peers) as server:
        told = await document(http, url(server, "/openapi.json"))
    for properties in (taken(told, "/x"), given(told, "/x")):
        titles = [resolve(told, one)["title"] for one in properties["data"]["items"]["allOf"]]
        assert titles == ["Text", "Tree"]


async def test_a_fallback_is_shown_as_any_path(http: aiohttp.ClientSession) -> None:
    peers: dict[str, list[LanePeer]] = {"a": [Described("a", endpoint("/default", Text, Text))]}
    async with gateway(chain("a"), peers) as server:
        told = await document(http, url(server, "/openapi.json"))
    (path,) = told["paths"]
    assert path == "/{endpoint}"
    places = {one["name"]: one["in"] for one in told["paths"][path]["post"]["parameters"]}
    assert places == {"X-Request-ID": "header", "X-Request-Timeout": "header", "endpoint": "path"}


async def test_the_document_follows_what_the_executors_say(http: aiohttp.ClientSession) -> None:
    old = Described("a", endpoint("/old", Text, Text))
    async with gateway(chain("a"), {"a": [old]}) as server:
        assert set((await document(http, url(server, "/openapi.json")))["paths"]) == {"/old"}
        await old.close()
        await until(lambda: not server.gateway.is_ready())
        new = Described("a", endpoint("/new", Text, Text))
        new.port = old.port
        await new.start()
        await until(server.gateway.is_ready)
        assert set((await document(http, url(server, "/openapi.json")))["paths"]) == {"/new"}
        await new.close()


def test_equal_models_of_two_executors_are_one_component() -> None:
    components = Components()
    first = components.add(Text.model_json_schema(), owner="a")
    second = components.add(Text.model_json_schema(), owner="b")
    assert first == second == {"$ref": "#/components/schemas/Text"}
    assert set(components.schemas) == {"Text", "Tag"}


def test_models_of_one_name_but_other_content_are_told_apart_by_their_owner() -> None:
    components = Components()
    other: type[BaseModel] = create_model("Text", words=(list[str], ...))
    third: type[BaseModel] = create_model("Text", pages=(int, ...))
    added = [components.add(model.model_json_schema(), owner="b") for model in (Text, other, third)]
    assert [one["$ref"].rsplit("/", 1)[1] for one in added] == ["Text", "Text-b", "Text-b-2"]
    assert components.schemas["Text-b"]["properties"].keys() == {"words"}


def test_a_model_is_told_apart_by_what_it_refers_to() -> None:
    components = Components()
    other_tag: type[BaseModel] = create_model("Tag", colour=(str, ...))
    first: type[BaseModel] = create_model("Box", tag=(Tag, ...))
    second: type[BaseModel] = create_model("Box", tag=(other_tag, ...))
    for model in (first, second):
        components.add(model.model_json_schema(), owner="b")
    boxes = components.schemas["Box"], components.schemas["Box-b"]
    assert [box["properties"]["tag"]["$ref"] for box in boxes] == [
        "#/components/schemas/Tag",
        "#/components/schemas/Tag-b",
    ]


def test_a_model_that_contains_itself_stays_whole() -> None:
    components = Components()
    assert components.add(Tree.model_json_schema(), owner="a") == {
        "$ref": "#/components/schemas/Tree"
    }
    items = components.schemas["Tree"]["properties"]["children"]["items"]
    assert items == {"$ref": "#/components/schemas/Tree"}


def test_names_that_openapi_does_not_allow_are_made_fit() -> None:
    components = Components()
    added = components.add({"title": "List[Text] \u00e9", "type": "object"}, owner="a")
    assert added == {"$ref": "#/components/schemas/List_Text_"}
