"""What a Gateway shows on HTTP beside its endpoints: health, status and documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from containerflow._version import __version__
from containerflow.runtime.gateway.described import described_endpoints
from containerflow.runtime.gateway.gateway import Gateway
from containerflow.runtime.gateway.openapi import OpenApi
from containerflow.runtime.gateway.readiness import readiness

_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")

_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'self'"
)
"""The page may ask nobody but this Gateway for anything."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""

# Swagger UI 4 renders what our schemas use of OpenAPI 3.1, but refuses a document that says so.
_START = """fetch("openapi.json")
  .then((answer) => answer.json())
  .then((spec) => SwaggerUIBundle({
    spec: { ...spec, openapi: "3.0.3" },
    dom_id: "#page",
    validatorUrl: null,
    deepLinking: true,
    defaultModelsExpandDepth: 1,
    displayRequestDuration: true,
    tryItOutEnabled: true,
  }));
"""


class Pages:
    """The GET pages of a Gateway.

    Args:
        gateway: Whom they tell of.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._openapi = OpenApi(gateway)

    def add_to(self, application: web.Application) -> None:
        """Add the pages' routes to an Application."""
        add = application.router.add_get
        add("/", self.index)
        add("/livez", self.livez)
        add("/readyz", self.readyz)
        add("/status", self.status)
        if self._gateway.settings.docs:
            add("/openapi.json", self.openapi)
            add("/docs", self.docs)
            add("/docs/start.js", self.start)
            add("/docs/{name}", self.asset)

    async def index(self, _request: web.Request) -> web.Response:
        """What this is, and where to look next."""
        settings = self._gateway.settings
        links = {"status": "/status", "live": "/livez", "ready": "/readyz"}
        if settings.docs:
            links |= {"docs": "/docs", "openapi": "/openapi.json"}
        return _json(
            {
                "name": settings.flow,
                "title": settings.title or settings.flow,
                "version": __version__,
                "links": links,
            }
        )

    async def livez(self, _request: web.Request) -> web.Response:
        """Whether the process turns its loop."""
        return _json({"live": True})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Whether callers should send requests, and the replicas of each Executor."""
        state = readiness(self._gateway)
        return _json(state, status=200 if state["ready"] else 503)

    async def status(self, _request: web.Request) -> web.Response:
        """The graph, and who serves which endpoint."""
        gateway = self._gateway
        services = gateway.services()
        nodes = gateway.settings.nodes
        return _json(
            {
                "name": gateway.settings.flow,
                "version": __version__,
                "ready": gateway.is_ready(),
                "inFlight": gateway.in_flight,
                "executors": [
                    {
                        "name": node.name,
                        "needs": node.needs,
                        "replicas": services[node.name].replicas,
                        "ready": services[node.name].ready,
                    }
                    for node in nodes
                ],
                "endpoints": {
                    endpoint.name: {
                        "summary": endpoint.summary,
                        "executors": [turn.executor for turn in endpoint.turns],
                        "inputSchema": _schema(endpoint.input_schema),
                        "outputSchema": _schema(endpoint.output_schema),
                        "parametersSchema": _schema(endpoint.parameters_schema),
                    }
                    for endpoint in described_endpoints(gateway)
                },
            }
        )

    async def openapi(self, _request: web.Request) -> web.Response:
        """The Flow's endpoints and models as an OpenAPI document."""
        return web.Response(body=self._openapi.document(), content_type="application/json")

    async def docs(self, _request: web.Request) -> web.Response:
        """Swagger UI on the document above."""
        settings = self._gateway.settings
        title = (settings.title or settings.flow).replace("&", "&amp;").replace("<", "&lt;")
        return web.Response(
            text=_PAGE.format(title=title),
            content_type="text/html",
            headers={"Content-Security-Policy": _POLICY},
        )

    async def start(self, _request: web.Request) -> web.Response:
        """The script that starts Swagger UI."""
        return web.Response(text=_START, content_type="text/javascript")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Swagger UI's own files, those that the page needs and no others."""
        name = request.match_info["name"]
        if name not in _ASSETS:
            return _json({"error": {"code": "NOT_FOUND", "message": f"No file {name}."}}, 404)
        return web.FileResponse(
            _asset_directory() / name, headers={"Cache-Control": "public, max-age=86400"}
        )


def _schema(text: bytes) -> Any:
    return json.loads(text) if text else {}


def _json(value: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        body=json.dumps(value).encode(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _asset_directory() -> Path:
    # Imported here because most Gateways never show the page.
    from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

    return Path(swagger_ui_path)
