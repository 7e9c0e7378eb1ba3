"""Bodies that are still on their way: bounded in number, time and bytes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from containerflow.runtime.gateway import held_bytes
from tests.unit.runtime.gateway.lane_peer import LanePeer
from tests.unit.runtime.gateway.running import chain, gateway, until, url

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
BODY = b'{"data":[{"text":"a"}]}'


@asynccontextmanager
async def upload(
    port: int, *headers: str, body: bytes = b"x", length: int = 100
) -> AsyncIterator[Stream]:
    """A POST that announces `length` bytes and sends `body`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = ("POST /echo HTTP/1.1", "Host: a", f"Content-Length: {length}", *headers, "", "")
    writer.write("\r\n".join(lines).encode() + body)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, object]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        int(line.split(":")[1]) for line in head.split("\r\n") if "Content-Length" in line
    )
    told = json.loads(await reader.readexactly(length))
    assert told["error"]["requestId"]
    return int(head.split()[1]), told["error"]


async def test_stalled_uploads_count_as_requests_in_flight_and_have_a_deadline() -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}, max_pending=1) as server:
        port = server.ports[0]
        async with upload(port, "X-Request-Timeout: 0.5") as (first, _):
            await until(lambda: server.gateway.in_flight == 1)
            async with upload(port) as (second, _):
                status, error = await answer_of(second)
                assert (status, error["code"]) == (503, "OVERLOADED")
            status, error = await answer_of(first)
            assert (status, error["code"]) == (504, "DEADLINE_EXCEEDED")
        assert server.gateway.in_flight == 0
        assert server.gateway.held.count == 0
        assert not peer.requests


async def test_the_bytes_of_all_bodies_are_bounded(
    http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_bytes, "LEAST_BYTES", 0)
    async with gateway(chain("a"), {"a": [LanePeer()]}, max_body_bytes=1000) as server:
        held = server.gateway.held
        async with upload(server.ports[0], body=b"x" * 900, length=1000) as (_, one):
            await until(lambda: held.count == 900)
            held.take(2500)
            async with http.post(url(server, "/echo"), data=b"x" * 700) as answer:
                assert answer.status == 503
            async with upload(server.ports[0], body=b"x" * 700, length=1000) as (reader, _):
                assert (await answer_of(reader))[0] == 503
            held.give(2500)
            one.write(b"x" * 100)
            await until(lambda: held.count == 0)
        async with http.post(url(server, "/echo"), data=b"x" * 700) as answer:
            assert answer.status == 200
        assert held.count == 0


@pytest.mark.parametrize("body", [b"nonsense", b"nonsense" * 100_000])
async def test_a_body_that_is_not_what_its_encoding_says_is_malformed(
    http: aiohttp.ClientSession, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    peer = LanePeer()
    async with gateway(chain("a"), {"a": [peer]}) as server:
        headers = {"Content-Encoding": "gzip"}
        async with http.post(url(server, "/echo"), data=body, headers=headers) as answer:
            assert answer.status == 400
            told = await answer.json()
            assert told["error"]["code"] == "MALFORMED"
            assert told["header"]["requestId"] == answer.headers["X-Request-ID"]
        assert not peer.requests
        async with http.post(
            url(server, "/echo"), data=gzip.compress(BODY), headers=headers
        ) as answer:
            assert await answer.read() == BODY
    assert "Unhandled" not in caplog.text
