"""The HTTP port of a Gateway."""

from __future__ import annotations

from typing import cast

from aiohttp import web

from containerflow.runtime.gateway.gateway import Gateway
from containerflow.runtime.gateway.http_endpoints import HttpEndpoints
from containerflow.runtime.gateway.pages import Pages


class HttpListener:
    """One HTTP port of a Gateway; made by `open_http`.

    Attributes:
        port: The port it listens on.
    """

    def __init__(self, runner: web.AppRunner, port: int) -> None:
        self._runner = runner
        self.port = port

    async def close(self) -> None:
        """Stop listening, finish what is in flight within `drain_seconds`, and hang up."""
        await self._runner.cleanup()


async def open_http(gateway: Gateway, port: int, *, host: str = "0.0.0.0") -> HttpListener:
    """Serve a Gateway over HTTP.

    POSTs to endpoints are nearly all of the traffic, so they are answered before aiohttp's
    Application is asked: its router and signals take a sixth of the throughput. All else is a
    route of the Application.

    Args:
        gateway: Who answers.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.

    Raises:
        OSError: The port cannot be had.
    """
    settings = gateway.settings
    endpoints = HttpEndpoints(gateway)
    application = web.Application(client_max_size=settings.max_body_bytes)
    Pages(gateway).add_to(application)
    application.router.add_route("*", "/{endpoint:.*}", endpoints.other)
    if settings.cors:
        application.on_response_prepare.append(_allow_origins)
    runner = web.AppRunner(
        application,
        access_log=None,
        # A caller that hangs up has no use for the answer: the Executors are told to stop.
        handler_cancellation=True,
        shutdown_timeout=settings.drain_seconds,
    )
    await runner.setup()
    server = runner.server
    assert server is not None
    server.request_handler = endpoints.before(server.request_handler)
    site = web.TCPSite(runner, host, port, backlog=1024)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return HttpListener(runner, cast(tuple[str, int], runner.addresses[0])[1])


async def _allow_origins(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "*"
