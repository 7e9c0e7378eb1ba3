"""What to tell a person whose Flow did not come up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from containerflow.errors import ExitedError, ReadyTimeoutError
from containerflow.plan.model import Plan, Service
from containerflow.targets.docker.faults import RUNTIME
from containerflow.targets.docker.logs import last_lines
from containerflow.targets.docker.watch import Happening

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["exited", "not_ready"]

_KILLED = 137
_MEBIBYTE = 1024 * 1024


def exited(
    engine: APIClient,
    service: Service,
    event: Happening,
    *,
    told_to_end: bool,
    out_of_memory: bool,
) -> ExitedError:
    """The error for a container that ended before its Flow was ready, with its last lines.

    Args:
        engine: The connection to the engine.
        service: What the container is a replica of.
        event: Its end.
        told_to_end: Whether somebody had the engine send it a signal.
        out_of_memory: Whether the engine said that it took too much memory.
    """
    whose = f"of Executor {service.executor}" if service.executor else "of the Gateway"
    if told_to_end or event.kind == "destroy":
        return ExitedError(
            f"Container {event.container} {whose} was stopped or removed by someone else before it "
            "was ready.",
            remedy="Find out who stops containers on this engine, and start the Flow again.",
        )
    log = last_lines(engine, event.container_id)
    if out_of_memory or (event.exit_code == _KILLED and service.limits.memory_bytes):
        # Not every engine tells of it; but hardly anybody else kills a container that starts.
        certainty = "because" if out_of_memory else "most likely because"
        return ExitedError(
            f"Container {event.container} {whose} was killed before it was ready, {certainty} it "
            f"took more than its {service.limits.memory_bytes // _MEBIBYTE} MiB of memory.",
            log=log,
            remedy="Raise its `memory`, or make it take less.",
        )
    if event.exit_code in {126, 127}:
        return ExitedError(
            f"Container {event.container} {whose} ended with exit code {event.exit_code}: image "
            f"{service.image} lacks a program that its command runs.",
            log=log,
            remedy=RUNTIME,
        )
    return ExitedError(
        f"Container {event.container} {whose} ended with exit code {event.exit_code} before it "
        "was ready.",
        log=log,
        remedy="Its last lines say why." if log else "It printed nothing.",
    )


def not_ready(
    engine: APIClient,
    plan: Plan,
    waited: Sequence[tuple[Service, float]],
    late: Sequence[str],
) -> ReadyTimeoutError:
    """The error for a Flow of which something took too long.

    Args:
        engine: The connection to the engine.
        plan: The Flow.
        waited: Every service that is not ready, and for how many seconds.
        late: Ids of the containers whose time is up.
    """
    names = ", ".join(
        f"{service.executor or service.name} after {seconds:.1f} s" for service, seconds in waited
    )
    log = "\n".join(last_lines(engine, container_id) for container_id in late)
    return ReadyTimeoutError(
        f"Flow {plan.name} was not ready in time. Not ready: {names}.",
        log=log.strip(),
        remedy="Raise its `timeout_ready` (milliseconds) if it only needs longer.",
    )
