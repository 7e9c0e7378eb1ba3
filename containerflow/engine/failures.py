"""Turn what the Docker SDK and its transport raise into our own errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import docker.errors
import requests
import urllib3

from containerflow.errors import EngineError, EngineUnavailableError, PortInUseError

__all__ = ["engine_errors"]

_PORT_TAKEN = re.compile(
    r"port is already allocated|address already in use|ports are not available"
    r"|bind for .* failed|proxy already running",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?:\[[0-9a-f:]*\]|[0-9]+(?:\.[0-9]+){3}|::):(?P<port>[1-9][0-9]*)")


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Raise ours for anything that the engine, or the way to it, raises inside the block.

    Args:
        doing: What is being attempted, to follow "while": "starting container x".

    Raises:
        PortInUseError: Another process holds a published port.
        EngineUnavailableError: The engine went away or does not answer.
        EngineError: The engine refused.

    Example:
        >>> with engine_errors("starting container a"):
        ...     raise docker.errors.APIError("no room")
        Traceback (most recent call last):
        ...
        containerflow.errors.EngineError: The container engine failed while starting container a: \
no room.
    """
    try:
        yield
    except docker.errors.APIError as error:
        raise _refusal(doing, error) from error
    except requests.Timeout as error:
        raise EngineUnavailableError(
            f"The container engine did not answer in time while {doing}.",
            remedy="Look at its log and at the load of the machine, then try again.",
        ) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError) as error:
        raise EngineUnavailableError(
            f"The container engine stopped answering while {doing}.",
            remedy="Start it again and look at its log.",
        ) from error
    except docker.errors.DockerException as error:
        raise EngineError(f"The container engine failed while {doing}: {_text(error)}.") from error


def _refusal(doing: str, error: docker.errors.APIError) -> EngineError:
    text = _text(error)
    if _PORT_TAKEN.search(text):
        place = _ADDRESS.search(text)
        port = f"Port {place['port']}" if place else "A published port"
        return PortInUseError(
            f"{port} is in use by another process ({doing}).",
            remedy="Stop that process, or choose another port; port 0 takes a free one.",
        )
    return EngineError(f"The container engine failed while {doing}: {text}.")


def _text(error: docker.errors.DockerException) -> str:
    explanation = getattr(error, "explanation", None) or str(error)
    if isinstance(explanation, bytes):
        explanation = explanation.decode(errors="replace")
    return str(explanation).strip().rstrip(".")
