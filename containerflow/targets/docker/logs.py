"""What a Flow's containers print, as one stream of labelled lines."""

from __future__ import annotations

import heapq
import logging
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import docker.errors

from containerflow.engine.failures import engine_errors
from containerflow.errors import ContainerflowError, EngineError
from containerflow.targets.docker.inventory import ContainerStatus, ps

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["LogLine", "last_lines", "logs"]

logger = logging.getLogger(__name__)

_TIME = re.compile(rb"\A(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) ?")
_LAST_LINES = 20


@dataclass(frozen=True, slots=True, order=True)
class LogLine:
    """A line that a container printed.

    Attributes:
        time: When, in RFC 3339 with nanoseconds, UTC.
        service: Which service printed it.
        container: Which container of the service.
        text: The line without its end.
    """

    time: str
    service: str
    container: str
    text: str


def logs(
    engine: APIClient,
    name: str,
    service: str | None = None,
    *,
    follow: bool = False,
    tail: int | None = None,
) -> Iterator[LogLine]:
    """What the containers of a Flow have printed, in the order of time.

    Args:
        engine: The connection to the engine.
        name: The Flow's name.
        service: One service of it; None for all.
        follow: Go on as lines come, until no container is left or the caller stops asking.
        tail: So many last lines of each container; None for all.

    Returns:
        Lines of all containers, interleaved.

    Raises:
        EngineError: There is no such Flow or service, or the engine refuses.
        EngineUnavailableError: The engine does not answer.

    Example:
        ::

            for line in logs(connect(), "search", tail=10):
                print(line.service, line.text)
    """
    containers = ps(engine, name)
    if not containers:
        raise EngineError(
            f"No Flow named {name} is in the engine.", remedy="`cflow ps` lists those that are."
        )
    chosen = [one for one in containers if service in (None, one.service)]
    if not chosen:
        known = ", ".join(dict.fromkeys(one.service for one in containers))
        raise EngineError(
            f"Flow {name} has no service named {service}.", remedy=f"Its services are: {known}."
        )
    if follow:
        return _followed(engine, chosen, tail)
    return heapq.merge(*(_read(engine, one, tail=tail) for one in chosen))


def last_lines(engine: APIClient, container_id: str, count: int = _LAST_LINES) -> str:
    """The last lines that a container printed, for the message of an error."""
    try:
        with engine_errors("reading a container's log"):
            printed: bytes = engine.logs(container_id, tail=count)
    except EngineError as error:
        # The error that these lines were to explain matters more than their absence.
        return f"(its log cannot be read: {error.message})"
    return printed.decode(errors="replace").rstrip()


def _followed(
    engine: APIClient, containers: list[ContainerStatus], tail: int | None
) -> Iterator[LogLine]:
    lines: queue.SimpleQueue[LogLine | ContainerflowError | None] = queue.SimpleQueue()

    def copy(container: ContainerStatus) -> None:
        try:
            since, count = "", tail
            while True:
                for line in _read(engine, container, follow=True, tail=count, since=since):
                    lines.put(line)
                    since = line.time
                # A log ends when its container does, and goes on when that starts again.
                if not _runs_again(engine, container):
                    break
                count = None
        except ContainerflowError as error:
            lines.put(error)
        finally:
            lines.put(None)

    for one in containers:
        threading.Thread(target=copy, args=(one,), name="cflow-logs", daemon=True).start()
    open_logs = len(containers)
    while open_logs:
        line = lines.get()
        if isinstance(line, LogLine):
            yield line
        elif line is None:
            open_logs -= 1
        else:
            raise line


def _runs_again(engine: APIClient, container: ContainerStatus) -> bool:
    with engine_errors(f"looking at container {container.name}"):
        try:
            state = engine.inspect_container(container.id)["State"]
        except docker.errors.NotFound:
            return False
    return bool(state["Running"] or state["Restarting"])


def _read(
    engine: APIClient,
    container: ContainerStatus,
    *,
    follow: bool = False,
    tail: int | None = None,
    since: str = "",
) -> Iterator[LogLine]:
    with engine_errors(f"reading the log of container {container.name}"):
        try:
            frames = engine.logs(
                container.id,
                timestamps=True,
                stream=True,
                follow=follow,
                tail="all" if tail is None else tail,
                since=_seconds(since) if since else None,
            )
        except docker.errors.NotFound:
            # Removed since it was listed.
            return
        pending = b""
        time = ""
        for frame in frames:
            # A frame is a line, or a piece of one that is very long; each has its own time.
            stamp = _TIME.match(frame)
            if stamp is not None:
                if not pending:
                    time = stamp[1].decode()
                frame = frame[stamp.end() :]
            pending += frame
            if not pending.endswith(b"\n"):
                continue
            if time > since:
                yield _line(container, time, pending)
            pending = b""
        if pending:
            yield _line(container, time, pending)


def _line(container: ContainerStatus, time: str, text: bytes) -> LogLine:
    printed = text.rstrip(b"\r\n").decode(errors="replace")
    return LogLine(time, container.service, container.name, printed)


def _seconds(time: str) -> int:
    from datetime import datetime

    # The engine keeps nanoseconds, Python microseconds; whole seconds are cut finely afterwards.
    with suppress(ValueError):
        return int(datetime.fromisoformat(time[:19] + "+00:00").timestamp())
    return 0
