"""The OpenAPI document of a Flow, from the models that its Executors declare."""

from __future__ import annotations

import json
from typing import Any

from containerflow._version import __version__
from containerflow.errors import Code
from containerflow.runtime.gateway.components import Components, Schema
from containerflow.runtime.gateway.described import (
    DescribedEndpoint,
    all_of,
    described_endpoints,
)
from containerflow.runtime.gateway.gateway import Gateway
from containerflow.wire.names import FALLBACK_ENDPOINT, REQUEST_ID_HEADER, TIMEOUT_HEADER

_MEANINGS = {
    Code.MALFORMED: "The body is not JSON, or a header makes no sense.",
    Code.NOT_FOUND: "No Executor serves the endpoint.",
    Code.TOO_LARGE: "The body is over the limit.",
    Code.INVALID: "The documents or parameters do not fit the endpoint's model.",
    Code.FAILED: "A handler raised.",
    Code.UNAVAILABLE: "No replica of an Executor is reachable, or one was lost on the way.",
    Code.OVERLOADED: "As many requests are in flight as may be. Try again later.",
    Code.DEADLINE_EXCEEDED: "The request took longer than its deadline.",
}

_ERROR: Schema = {
    "title": "RequestError",
    "type": "object",
    "required": ["error", "header"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "requestId"],
            "properties": {
                "code": {"type": "string", "enum": [code.name for code in _MEANINGS]},
                "message": {"type": "string"},
                "executor": {"type": "string", "description": "Empty for the Gateway."},
                "exception": {"type": "string", "description": "Type of what a handler raised."},
                "requestId": {"type": "string"},
                "detail": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "loc": {
                                "type": "array",
                                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                            },
                            "msg": {"type": "string"},
                            "type": {"type": "string"},
                        },
                    },
                },
            },
        },
        "header": {"type": "object", "properties": {"requestId": {"type": "string"}}},
    },
}

_ANY_DOCUMENT: Schema = {
    "type": "object",
    "properties": {"id": {"type": "string"}},
    "additionalProperties": True,
}

_ANY_PARAMETERS: Schema = {"type": "object", "additionalProperties": True}

_ANY_ENDPOINT: Schema = {
    "name": "endpoint",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "Any name: an Executor serves those that nobody else does.",
}

_HEADERS: list[Schema] = [
    {
        "name": REQUEST_ID_HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": 128},
        "description": "Names the request in the answer and in all logs.",
    },
    {
        "name": TIMEOUT_HEADER,
        "in": "header",
        "required": False,
        "schema": {"type": "number", "exclusiveMinimum": 0},
        "description": "Seconds after which the request is given up.",
    },
]


class OpenApi:
    """Makes a Gateway's document, and makes it anew when the Executors describe other things.

    Args:
        gateway: Whose endpoints.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._revision = -1
        self._document = b""

    def document(self) -> bytes:
        """The document as JSON text."""
        if self._revision != self._gateway.revision:
            self._revision = self._gateway.revision
            self._document = json.dumps(describe(self._gateway)).encode()
        return self._document


def describe(gateway: Gateway) -> Schema:
    """The document as a mapping."""
    settings = gateway.settings
    components = Components()
    error = components.add(_ERROR, owner="containerflow")
    paths = {
        "/{endpoint}" if endpoint.name == FALLBACK_ENDPOINT else endpoint.name: {
            "post": _operation(endpoint, components, error)
        }
        for endpoint in described_endpoints(gateway)
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.title or settings.flow,
            "description": settings.description,
            "version": __version__,
        },
        "paths": paths,
        "components": {"schemas": components.schemas},
    }


def _operation(endpoint: DescribedEndpoint, components: Components, error: Schema) -> Schema:
    parameters = [*_HEADERS]
    if endpoint.name == FALLBACK_ENDPOINT:
        parameters.append(_ANY_ENDPOINT)
    taken = all_of(components, endpoint.first, lambda told: told.input_schema)
    given = all_of(components, endpoint.last, lambda told: told.output_schema)
    knobs = all_of(components, endpoint.turns, lambda told: told.parameters_schema)
    request: Schema = {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": taken or _ANY_DOCUMENT},
            "parameters": knobs or _ANY_PARAMETERS,
        },
    }
    answer: Schema = {
        "type": "object",
        "required": ["data", "header"],
        "properties": {
            "data": {"type": "array", "items": given or _ANY_DOCUMENT},
            "parameters": _ANY_PARAMETERS,
            "header": {"type": "object", "properties": {"requestId": {"type": "string"}}},
        },
    }
    failures = {
        str(code.value): {"description": text, "content": _json_content(error)}
        for code, text in _MEANINGS.items()
    }
    return {
        "summary": endpoint.summary,
        "operationId": endpoint.name.strip("/").replace("/", "_") or "root",
        "description": f"Passes {', '.join(turn.executor for turn in endpoint.turns)}."
        if endpoint.turns
        else "The documents come back as they are: the Flow has no Executors.",
        "tags": ["endpoints"],
        "parameters": parameters,
        "requestBody": {"required": True, "content": _json_content(request)},
        "responses": {
            "200": {"description": "The documents.", "content": _json_content(answer)},
            **failures,
        },
    }


def _json_content(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
