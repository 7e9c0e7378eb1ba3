"""`cflow call`: one request from the command line."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import Any

import click

__all__ = ["call"]


@click.command(short_help="Send one request to a running Flow.")
@click.argument("url")
@click.argument("endpoint")
@click.argument("body", default="")
@click.option("-p", "--parameters", metavar="JSON", help="A JSON object of parameters.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up after so long.",
)
def call(url: str, endpoint: str, body: str, parameters: str | None, timeout: float | None) -> None:
    """Send BODY to ENDPOINT of the Flow at URL and print the answer as JSON.

    URL starts with http:// or grpc://. BODY is JSON: one document, a list of documents, or a
    whole request {"data": [...], "parameters": {...}}; - reads it from standard input, and no
    BODY sends no document.

    \b
    Example:
      cflow call http://localhost:8080 /search '{"text": "read a file"}'
      cflow call grpc://localhost:50051 /count - < documents.json
    """
    if endpoint.startswith(("{", "[")):
        raise click.UsageError(
            f"ENDPOINT is missing: write it between the URL and the body, as in "
            f"`cflow call http://localhost:8080 /search '{{...}}'`, not {endpoint[:40]}."
        )
    documents, given = parse_body(sys.stdin.read() if body == "-" else body)
    if parameters is not None:
        given = {**given, **_object(parameters, "--parameters")}
    answer = asyncio.run(_ask(url, endpoint, documents, given, timeout or 0.0))
    click.echo(json.dumps(json.loads(answer), indent=2, ensure_ascii=False))


async def _ask(
    url: str,
    endpoint: str,
    documents: list[dict[str, Any]],
    parameters: dict[str, Any],
    timeout: float,
) -> bytes:
    """The whole answer, where `Client.post` would give its documents only."""
    from containerflow.client.address import parse_address
    from containerflow.client.documents import encode
    from containerflow.client.transport import open_transport
    from containerflow.wire.body import finish

    request_id = secrets.token_hex(12)
    transport = open_transport(parse_address(url))
    try:
        body = encode(documents, parameters, codec=transport.codec)
        answer = await transport.call("/" + endpoint.lstrip("/"), body, request_id, timeout)
    finally:
        await transport.close()
    return finish(answer.codec, answer.body, request_id)


def parse_body(text: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read documents and parameters from what was typed.

    Args:
        text: JSON text of one document, a list of them, or a request with `data`; may be empty.

    Returns:
        The documents, and the parameters.

    Raises:
        click.BadParameter: It is not JSON, or neither an object nor a list of objects.

    Example:
        >>> parse_body('{"text": "a"}')
        ([{'text': 'a'}], {})
        >>> parse_body('{"data": {"text": "a"}, "parameters": {"limit": 3}}')
        ([{'text': 'a'}], {'limit': 3})
    """
    if not text.strip():
        return [], {}
    value = _json(text, "BODY")
    parameters: dict[str, Any] = {}
    if isinstance(value, dict) and "data" in value and not value.keys() - {"data", "parameters"}:
        parameters = value.get("parameters") or {}
        value = value["data"]
    documents = [value] if isinstance(value, dict) else value
    if not isinstance(documents, list) or not all(isinstance(item, dict) for item in documents):
        raise click.BadParameter(
            "is neither a JSON object nor a list of objects.", param_hint="BODY"
        )
    if not isinstance(parameters, dict):
        raise click.BadParameter("has parameters that are no JSON object.", param_hint="BODY")
    return documents, parameters


def _object(text: str, name: str) -> dict[str, Any]:
    value = _json(text, name)
    if not isinstance(value, dict):
        raise click.BadParameter("is not a JSON object.", param_hint=name)
    return value


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise click.BadParameter(
            f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
            param_hint=name,
        ) from error
