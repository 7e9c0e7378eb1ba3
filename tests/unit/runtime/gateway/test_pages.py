"""The GET pages: health, status, documentation."""

from __future__ import annotations

import re

import aiohttp

from tests.unit.runtime.gateway.lane_peer import LanePeer
from tests.unit.runtime.gateway.running import Names, chain, gateway, until, url


async def page(http: aiohttp.ClientSession, address: str) -> tuple[int, dict[str, object]]:
    async with http.get(address) as answer:
        told: dict[str, object] = await answer.json()
        return answer.status, told


async def test_readyz_counts_the_replicas_of_each_executor(http: aiohttp.ClientSession) -> None:
    peer = await LanePeer().start()
    names = Names({})
    async with gateway(chain("a", replicas=1), names=names, wait=False) as server:
        admin = f"http://127.0.0.1:{server.admin.port}"
        for address in (url(server, "/readyz"), f"{admin}/readyz"):
            assert await page(http, address) == (
                503,
                {"ready": False, "services": {"a": {"replicas": 1, "ready": 0}}},
            )
        names.addresses.update(Names({"a": [peer]}).addresses)
        await until(server.gateway.is_ready)
        for address in (url(server, "/readyz"), f"{admin}/readyz"):
            assert await page(http, address) == (
                200,
                {"ready": True, "services": {"a": {"replicas": 1, "ready": 1}}},
            )
        assert (await page(http, url(server, "/livez")))[0] == 200
    await peer.close()


async def test_a_draining_gateway_is_alive_but_not_ready(http: aiohttp.ClientSession) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}) as server:
        server.gateway.begin_drain()
        assert (await page(http, url(server, "/readyz")))[0] == 503
        assert (await page(http, url(server, "/livez")))[0] == 200


async def test_the_index_links_to_every_page_and_each_answers(
    http: aiohttp.ClientSession,
) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}, title="Search") as server:
        status, index = await page(http, url(server, "/"))
        assert status == 200
        assert index["name"] == "test"
        assert index["title"] == "Search"
        links = index["links"]
        assert isinstance(links, dict)
        assert set(links) == {"docs", "openapi", "status", "live", "ready"}
        for link in links.values():
            async with http.get(url(server, link)) as answer:
                assert answer.status == 200


async def test_status_tells_the_graph_and_who_serves_what(http: aiohttp.ClientSession) -> None:
    peers = {
        "a": [LanePeer(name="a", endpoints=("/index", "/search"))],
        "b": [LanePeer(name="b", endpoints=("/search",))],
    }
    async with gateway(chain("a", "b"), peers) as server:
        _, told = await page(http, url(server, "/status"))
    assert told["executors"] == [
        {"name": "a", "needs": ["gateway"], "replicas": 1, "ready": 1},
        {"name": "b", "needs": ["a"], "replicas": 1, "ready": 1},
    ]
    endpoints = told["endpoints"]
    assert isinstance(endpoints, dict)
    assert {name: one["executors"] for name, one in endpoints.items()} == {
        "/index": ["a"],
        "/search": ["a", "b"],
    }
    assert endpoints["/search"]["summary"] == "a at /search"
    assert endpoints["/search"]["inputSchema"]["title"] == "Text"


async def test_the_documentation_asks_nobody_but_the_gateway(http: aiohttp.ClientSession) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}, title="A & <B>") as server:
        async with http.get(url(server, "/docs")) as answer:
            assert answer.content_type == "text/html"
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
            html = await answer.text()
        assert "<title>A &amp; &lt;B></title>" in html
        assert "//" not in html.removeprefix("<!DOCTYPE html>")
        files = re.findall(r'(?:src|href)="([^"]+)"', html)
        assert len(files) == 4
        for file in files:
            async with http.get(url(server, f"/{file}")) as answer:
                assert answer.status == 200
                assert len(await answer.read()) > 200
        async with http.get(url(server, "/docs/start.js")) as answer:
            script = await answer.text()
        assert "//" not in script
        assert "validatorUrl: null" in script


async def test_only_the_documentations_own_files_are_served(http: aiohttp.ClientSession) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}) as server:
        for name in ("swagger-ui.js.map", "..%2F__init__.py", "index.html"):
            async with http.get(url(server, f"/docs/{name}")) as answer:
                assert answer.status == 404


async def test_documentation_can_be_turned_off(http: aiohttp.ClientSession) -> None:
    async with gateway(chain("a"), {"a": [LanePeer()]}, docs=False) as server:
        for path in ("/docs", "/openapi.json", "/docs/start.js"):
            async with http.get(url(server, path)) as answer:
                assert answer.status == 404
        _, index = await page(http, url(server, "/"))
        assert "docs" not in index["links"]  # type: ignore[operator]


async def test_the_admin_port_counts_requests_by_endpoint_and_code(
    http: aiohttp.ClientSession,
) -> None:
    async with gateway(chain("a"), {"a": [LanePeer(endpoints=("/echo",))]}) as server:
        for path in ("/echo", "/echo", "/nobody", "/somebody"):
            async with http.post(url(server, path), data=b"{}"):
                pass
        async with http.get(f"http://127.0.0.1:{server.admin.port}/metrics") as answer:
            text = await answer.text()
    total = "containerflow_gateway_requests_total"
    assert f'{total}{{code="OK",endpoint="/echo"}} 2.0' in text
    # A caller's own names never become labels: their number has no bound.
    assert f'{total}{{code="NOT_FOUND",endpoint="unknown"}} 2.0' in text
    assert 'containerflow_gateway_request_seconds_count{endpoint="/echo"} 2.0' in text
    assert "containerflow_gateway_requests_in_flight 0.0" in text
