"""The admin port over a real connection."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from containerflow.runtime.admin import AdminServer, Readiness, serve_admin
from containerflow.runtime.metrics import RequestMetrics


@asynccontextmanager
async def admin(
    readiness: Callable[[], Readiness] = lambda: Readiness(True), **options: Any
) -> AsyncIterator[AdminServer]:
    server = await serve_admin(0, readiness, host="127.0.0.1", **options)
    try:
        yield server
    finally:
        await server.close()


async def exchange(server: AdminServer, raw: bytes) -> str:
    """Send bytes, say that no more will come, and read until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(raw)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer.decode()


async def get(server: AdminServer, path: str, method: str = "GET") -> tuple[int, str]:
    answer = await exchange(server, f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), body


async def test_livez_answers_while_the_loop_turns():
    async with admin(lambda: Readiness(False)) as server:
        assert await get(server, "/livez") == (200, "ok\n")


async def test_readyz_asks_each_time_and_tells_the_detail():
    state = Readiness(False, {"services": {"a": 1}})
    async with admin(lambda: state) as server:
        status, body = await get(server, "/readyz")
        assert (status, json.loads(body)) == (503, {"ready": False, "services": {"a": 1}})
        state = Readiness(True)
        status, body = await get(server, "/readyz?verbose=1")
        assert (status, json.loads(body)) == (200, {"ready": True})


async def test_an_unknown_path_lists_the_known_ones():
    async with admin() as server:
        assert await get(server, "/") == (404, "known paths: /livez /readyz /metrics\n")
        assert (await get(server, "/metrics"))[0] == 404


async def test_only_get_and_head_are_answered():
    async with admin() as server:
        assert (await get(server, "/livez", "POST"))[0] == 405
        assert await get(server, "/livez", "HEAD") == (200, "")


async def test_several_requests_on_one_connection_are_answered_in_order():
    async with admin(lambda: Readiness(False)) as server:
        one = "GET {} HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = await exchange(server, (one.format("/livez") + one.format("/readyz")).encode())
        assert answer.index("HTTP/1.1 200") < answer.index("HTTP/1.1 503")


async def test_a_request_in_pieces_is_answered():
    async with admin() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for piece in (b"GET /li", b"vez HTTP/1.1\r\nHo", b"st: a\r\nConnection: close\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
        assert b"200" in await reader.readline()
        await reader.read()
        writer.close()


async def test_what_is_no_http_is_refused():
    async with admin() as server:
        assert "HTTP/1.1 400" in await exchange(server, b"nonsense\r\n\r\n")
        assert (await get(server, "/livez"))[0] == 200


async def test_the_old_http_of_a_shell_probe_is_answered():
    async with admin() as server:
        answer = await exchange(server, b"GET /readyz HTTP/1.0\r\n\r\n")
        assert answer.startswith("HTTP/1.1 200")


async def test_closing_hangs_up_on_those_who_linger():
    async with admin() as server:
        reader, _ = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.sleep(0.01)
    assert await reader.read() == b""


async def test_metrics_tell_what_was_counted():
    metrics = RequestMetrics("test")
    metrics.began()
    metrics.began()
    metrics.ended("/search", "OK", 0.004)
    metrics.counted("/search", "OVERLOADED")
    async with admin(registry=metrics.registry) as server:
        status, body = await get(server, "/metrics")
        assert status == 200
        lines = body.splitlines()
        assert 'test_requests_total{code="OK",endpoint="/search"} 1.0' in lines
        assert 'test_requests_total{code="OVERLOADED",endpoint="/search"} 1.0' in lines
        assert "test_requests_in_flight 1.0" in lines
        assert 'test_request_seconds_bucket{endpoint="/search",le="0.0025"} 0.0' in lines
        assert 'test_request_seconds_bucket{endpoint="/search",le="0.005"} 1.0' in lines
        assert 'test_request_seconds_bucket{endpoint="/search",le="+Inf"} 1.0' in lines
        assert 'test_request_seconds_sum{endpoint="/search"} 0.004' in lines
        metrics.ended("/search", "OK", 100.0)
        body = (await get(server, "/metrics"))[1]
        assert 'test_request_seconds_count{endpoint="/search"} 2.0' in body.splitlines()


async def test_registries_of_two_servers_know_nothing_of_each_other():
    one, other = RequestMetrics("one"), RequestMetrics("other")
    async with admin(registry=one.registry) as first, admin(registry=other.registry) as second:
        assert "other_" not in (await get(first, "/metrics"))[1]
        assert "one_" not in (await get(second, "/metrics"))[1]
