"""What the engine tells about the containers of one start while they run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import docker.errors

from containerflow.engine.failures import engine_errors
from containerflow.errors import EngineError
from containerflow.plan.model import SERVICE_LABEL
from containerflow.targets.docker.container import START_LABEL

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Happening", "Watch"]

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0

Kind = Literal["die", "kill", "oom", "destroy", "start"]


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to a container.

    Attributes:
        kind: `die` it ended; `kill` somebody had the engine send it a signal; `oom` the kernel
            killed in it because it took too much memory; `destroy` it was removed; `start` it
            was started, for the first time or again.
        container_id: The engine's id.
        container: Its name.
        service: Its service.
        exit_code: Of `die`; -1 otherwise.
    """

    kind: Kind
    container_id: str
    container: str
    service: str
    exit_code: int = -1


class Watch:
    """Follows the engine's events for the containers that one start made, in a thread of its own.

    Args:
        engine: The connection to the engine.
        start: Token of the start; the value of the label that its containers carry.
        on_happening: Called in the watching thread.

    Attributes:
        on_return: Called in the watching thread once the engine answers again after it was gone:
            what happened meanwhile is in no event.
        interrupted: Set while the stream of events is broken: the engine is gone, or restarts.

    Raises:
        EngineUnavailableError: The engine does not answer.
    """

    def __init__(
        self, engine: APIClient, start: str, on_happening: Callable[[Happening], None]
    ) -> None:
        self._engine = engine
        self._start = start
        self.on_happening = on_happening
        self.on_return: Callable[[], None] = _nothing
        self.interrupted = threading.Event()
        self._closed = threading.Event()
        # Opened here, before any container starts, so that no exit can be missed.
        self._stream = self._open()
        threading.Thread(target=self._follow, name="cflow-watch", daemon=True).start()

    def close(self) -> None:
        """Stop watching; returns at once."""
        self._closed.set()
        _close(self._stream)

    def _open(self) -> Any:
        with engine_errors("asking for its events"):
            return self._engine.events(
                decode=True,
                filters={
                    "type": "container",
                    "label": f"{START_LABEL}={self._start}",
                    "event": list(get_args(Kind)),
                },
            )

    def _follow(self) -> None:
        while True:
            for event in self._stream:
                if self._closed.is_set():
                    return
                self.on_happening(_happening(event))
            # The stream ends only when we close it or the engine goes away.
            if self._closed.is_set():
                return
            self.interrupted.set()
            logger.warning("The container engine stopped answering; waiting for it.")
            if not self._reopen():
                return
            self.interrupted.clear()
            logger.warning("The container engine answers again.")
            self.on_return()

    def _reopen(self) -> bool:
        while not self._closed.wait(_RETRY_SECONDS):
            try:
                self._stream = self._open()
            except EngineError as error:
                logger.debug("No events yet: %s", error)
                continue
            if self._closed.is_set():
                _close(self._stream)
                return False
            return True
        return False


def _nothing() -> None:
    """Nobody wants to know."""


def _close(stream: Any) -> None:
    try:
        stream.close()
    except (OSError, AttributeError, docker.errors.DockerException) as error:
        # An engine that is gone has closed it already, and one over ssh cannot close it: the
        # thread is a daemon and ends with the program.
        logger.debug("The stream of events could not be closed: %s", error)


def _happening(event: dict[str, Any]) -> Happening:
    actor = event.get("Actor", {})
    attributes = actor.get("Attributes", {})
    code = attributes.get("exitCode") or attributes.get("containerExitCode") or "-1"
    kind = event.get("Action") or event.get("status")
    return Happening(
        kind=cast(Kind, kind),
        container_id=actor.get("ID", ""),
        container=attributes.get("name", ""),
        service=attributes.get(SERVICE_LABEL, ""),
        exit_code=int(code),
    )
