"""Images that the engine has, or that a registry gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import docker
import docker.errors
import requests

from containerflow.engine.failures import engine_errors
from containerflow.errors import ImageNotFoundError
from containerflow.progress import Progress

__all__ = ["image_id", "image_megabytes", "pull"]


def image_id(engine: docker.APIClient, reference: str) -> str | None:
    """The id of an image, or None where the engine does not have it."""
    with engine_errors(f"looking for the image {reference}"):
        try:
            # The SDK's stubs leave this one method without types.
            return str(engine.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            return None


def image_megabytes(engine: docker.APIClient, reference: str) -> int:
    """The size of an image that the engine has, all its layers counted, in megabytes."""
    with engine_errors(f"looking for the image {reference}"):
        size = engine.inspect_image(reference)["Size"]  # type: ignore[no-untyped-call]
        return round(int(size) / 1e6)


def pull(
    engine: docker.APIClient,
    reference: str,
    progress: Progress,
    *,
    patience: float | None = None,
) -> None:
    """Pull an image from its registry.

    Args:
        engine: Who pulls it.
        reference: The image; without a tag, `latest`.
        progress: Told how it goes.
        patience: Seconds of silence after which it is given up; None waits for ever.

    Raises:
        ImageNotFoundError: The registry cannot be reached, or does not have it.
        EngineError: The engine refused.
    """
    with progress.step(f"Pulling {reference}") as step, engine_errors(f"pulling {reference}"):
        if patience is None:
            events = _patient(engine, reference)
        else:
            events = _impatient(engine, reference, patience)
        for event in events:
            if "error" in event:
                raise ImageNotFoundError(
                    f"The engine has no image {reference}, and no registry gave it: "
                    f"{str(event['error']).strip().rstrip('.')}.",
                    remedy="Correct its name, log in with `docker login`, or build it here first.",
                )
            words = (str(event.get(key, "")) for key in ("id", "status", "progress"))
            step.note(" ".join(words).strip())


def _patient(engine: docker.APIClient, reference: str) -> Iterator[dict[str, Any]]:
    try:
        yield from engine.pull(reference, stream=True, decode=True)
    except docker.errors.APIError as error:
        yield {"error": error.explanation or str(error)}


def _impatient(
    engine: docker.APIClient, reference: str, patience: float
) -> Iterator[dict[str, Any]]:
    """Pull with a bound on silence: the SDK's own `pull` waits for ever."""
    try:
        with engine.post(
            f"{engine.base_url}/v{engine.api_version}/images/create",
            params=dict(zip(("fromImage", "tag"), reference.rsplit(":", 1), strict=True)),
            timeout=patience,
            stream=True,
        ) as response:
            if not response.ok:
                yield {"error": response.json().get("message", response.reason)}
                return
            for line in response.iter_lines():
                if line:
                    yield json.loads(line)
    except (requests.Timeout, requests.ConnectionError) as error:
        # While a body is read, requests dresses a timeout up as a connection error.
        if "timed out" not in str(error).lower():
            raise
        yield {"error": f"no answer within {patience:g} s"}
