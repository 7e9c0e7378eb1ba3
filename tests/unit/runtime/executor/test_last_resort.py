"""Requests that something unforeseen happens to fail alone: the next one is answered."""

import asyncio
import json
import logging

import pytest

from containerflow.runtime.executor.answer import RequestFailure, failed
from containerflow.runtime.executor.workers import Workers
from containerflow.wire import contract_pb2 as pb
from containerflow.wire.body import BINARY

from .peer import served, texts, written

GOOD = {"data": [{"text": "a"}]}

KINDS = {
    "sync": "@requests\n    def {name}",
    "async": "@requests\n    async def {name}",
    "on the loop": "@requests(blocking=False)\n    def {name}",
}

FRAGILE = """
from pydantic import field_validator

class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no words")

class Torn(list):
    def __iter__(self):
        raise LookupError("page 7")

class Checked(Text):
    @field_validator("text")
    @classmethod
    def check(cls, value):
        if value == "key":
            return {}[value]
        if value == "type":
            return value + 1
        if value == "exit":
            raise SystemExit("from a validator")
        return value

class Fragile(Executor):
    HEAD(self, docs: list[Checked], **kwargs):
        match docs[0].text if docs else "":
            case "dict":
                return {"seen": 1}
            case "leave":
                raise SystemExit("from a handler")
            case "unspeakable":
                raise Unspeakable()
            case "torn":
                return Torn(docs)
"""


@pytest.fixture(params=KINDS)
def fragile(request, tmp_path):
    return written(tmp_path, FRAGILE.replace("HEAD", KINDS[request.param].format(name="handle")))


def text(value, **more):
    return {"data": [{"text": value}], **more}


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ({"data": [{}], "unset": 5}, pb.CODE_INVALID, "unset"),
        (text("a", unset=5), pb.CODE_INVALID, "unset"),
        (text("a", unset=[5]), pb.CODE_INVALID, "unset"),
        (text("a", unset=[[{}]]), pb.CODE_INVALID, "unset"),
        (text("a", unset={"a": 1}), pb.CODE_INVALID, "unset"),
        (text("key"), pb.CODE_FAILED, "raised KeyError: 'key'"),
        (text("type"), pb.CODE_FAILED, "raised TypeError"),
        (text("exit"), pb.CODE_FAILED, "raised SystemExit: from a validator"),
        (text("leave"), pb.CODE_FAILED, "raised SystemExit: from a handler"),
        (text("unspeakable"), pb.CODE_FAILED, "raised Unspeakable"),
        (text("torn"), pb.CODE_FAILED, "raised LookupError: page 7"),
    ],
)
async def test_a_request_fails_alone(fragile, body, code, says):
    async with served(fragile) as (server, peer):
        # Two at once: what stands behind it in the queue is answered too.
        bad, behind = peer.ask("/x", body), peer.ask("/x", GOOD)
        response = await bad
        assert response.code == code, response
        assert says in response.failure.message + response.failure.detail.decode()
        assert texts(await behind) == ["a"]
        assert texts(await peer.ask("/x", GOOD)) == ["a"]
        assert server._service.pending == 0
        assert server.readiness().ready


async def test_an_exception_outside_the_handler_is_named_and_logged(fragile, caplog):
    async with served(fragile) as (_, peer):
        response = await peer.ask("/x", text("key"))
        assert response.failure.exception == "KeyError"
        assert response.failure.executor == "worker"
        logged = [record for record in caplog.records if record.levelno == logging.ERROR]
        assert any(record.exc_info and record.exc_info[0] is KeyError for record in logged)


@pytest.mark.parametrize("found", [5, [1], "x", None])
async def test_results_of_a_caller_that_are_no_mapping_give_way(fragile, found):
    async with served(fragile) as (_, peer):
        response = await peer.ask("/x", text("dict", parameters={"__results__": found}))
        assert response.code == pb.CODE_OK, response
        results = json.loads(response.body)["parameters"]["__results__"]
        assert results == {"worker": {"seen": 1}}
        assert texts(await peer.ask("/x", GOOD)) == ["a"]


async def test_such_results_give_way_in_a_join_too(fragile):
    bodies = [
        text("a", parameters={"__results__": 5}),
        text("a", parameters={"__results__": {"left": {"n": 1}}}),
    ]
    parts = [
        pb.Part(source=source, codec=pb.CODEC_JSON, body=json.dumps(body).encode())
        for source, body in zip(("", "left"), bodies, strict=True)
    ]
    async with served(fragile) as (_, peer):
        response = await peer.ask("/x", parts=parts)
        assert response.code == pb.CODE_OK, response
        assert json.loads(response.body)["parameters"]["__results__"] == {"left": {"n": 1}}
        assert texts(await peer.ask("/x", GOOD)) == ["a"]


@pytest.mark.parametrize("unset", [5, [5], [[{}]], {"a": 1}])
@pytest.mark.parametrize("count", [1, 2])
async def test_a_pass_through_refuses_marks_that_are_none(tmp_path, unset, count):
    part = pb.Part(codec=pb.CODEC_JSON, body=json.dumps(text("a", unset=unset)).encode())
    async with served(tmp_path / "nothing") as (server, peer):
        response = await peer.ask("/x", parts=[part] * count)
        assert response.code == pb.CODE_INVALID
        assert "unset" in response.failure.message
        assert texts(await peer.ask("/x", GOOD)) == ["a"]
        assert server._service.pending == 0


async def test_a_pass_through_survives_what_its_decoder_did_not_foresee(tmp_path, monkeypatch):
    from containerflow.runtime.executor import passing

    def broken(request):
        raise LookupError(request.request_id)

    async with served(tmp_path / "nothing") as (server, peer):
        with monkeypatch.context() as patched:
            patched.setattr(passing, "united", broken)
            response = await peer.ask("/x", GOOD, accept=BINARY)
        assert (response.code, response.failure.exception) == (pb.CODE_FAILED, "LookupError")
        assert texts(await peer.ask("/x", GOOD)) == ["a"]
        assert server._service.pending == 0


def test_a_failure_can_say_what_has_no_form_in_utf_8():
    answer = failed(1, "worker", RequestFailure(pb.CODE_FAILED, "no \ud800", exception="Odd"))
    assert pb.Response.FromString(answer.payload).failure.message == "no ?"


async def test_a_worker_thread_outlives_what_work_raises(caplog):
    workers = Workers()

    def leave():
        raise SystemExit("gone")

    workers.put(leave)
    assert await workers.call(lambda: 6 * 7) == 42
    assert workers.are_alive
    assert "gone" in caplog.text
    workers.stop()
    while workers.are_alive:
        await asyncio.sleep(0)
