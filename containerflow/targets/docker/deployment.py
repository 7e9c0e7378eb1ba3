"""A Flow that runs: where it is reached, what befalls its containers, and how it ends."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from containerflow.errors import ContainerflowError, EngineError, ExitedError
from containerflow.plan.model import Plan
from containerflow.targets.docker.addresses import Address
from containerflow.targets.docker.cancellation import Cancellation
from containerflow.targets.docker.container import START_LABEL, container_name
from containerflow.targets.docker.inventory import list_containers, list_networks
from containerflow.targets.docker.logs import last_lines
from containerflow.targets.docker.removal import take_down
from containerflow.targets.docker.watch import Happening, Watch

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Deployment"]

logger = logging.getLogger(__name__)


class Deployment:
    """What `up` returns: a running Flow.

    Args:
        engine: The connection to the engine that runs it.
        plan: What runs.
        start: Token of the start, which everything that it made carries as a label.
        addresses: Where the Gateway is reached.
        watch: The engine's events about its containers.

    Attributes:
        plan: What runs.
        addresses: Where the Gateway is reached, one for each published port, in declared order.
    """

    def __init__(
        self,
        engine: APIClient,
        plan: Plan,
        start: str,
        addresses: tuple[Address, ...],
        watch: Watch,
    ) -> None:
        self.plan = plan
        self.addresses = addresses
        self._engine = engine
        self._label = f"{START_LABEL}={start}"
        self._watch = watch
        # A handler of signals may close the Flow while its own thread does.
        self._lock = threading.RLock()
        self._closed = False
        self._failure: ExitedError | None = None
        self._told_to_end: set[str] = set()
        watch.on_happening = self._happened
        watch.on_return = self._look_again

    @property
    def name(self) -> str:
        """The Flow's name."""
        return self.plan.name

    @property
    def failure(self) -> ContainerflowError | None:
        """Why the Flow will not work again by itself; None while it may.

        A container that the engine starts again by itself is logged, and is no failure.
        """
        return self._failure

    def close(self, *, hurry: Cancellation | None = None) -> None:
        """Stop and remove the Flow: the Gateway drains first, then the Executors, side by side.

        Named volumes stay. What is gone already is passed over, and a second call does nothing.

        Args:
            hurry: Once set (by another thread, or a handler of signals), containers that have not
                stopped yet are killed.

        Raises:
            EngineUnavailableError: The engine does not answer; a later call tries again.
            EngineError: Something could not be removed; a later call tries again.
        """
        with self._lock:
            if self._closed:
                return
            self._watch.close()
            take_down(
                self._engine,
                list_containers(self._engine, self._label),
                list_networks(self._engine, self._label),
                hurry=hurry,
            )
            self._closed = True

    def release(self) -> None:
        """Let the Flow run on by itself, without this process: for one started to stay."""
        with self._lock:
            self._watch.close()
            self._closed = True

    def _happened(self, event: Happening) -> None:
        """Called by the watch, in its thread."""
        if event.kind == "kill":
            # What comes of it is told by an event of its own.
            self._told_to_end.add(event.container_id)
            return
        if event.kind == "oom":
            logger.warning("Container %s ran out of memory.", event.container)
        elif event.kind == "start":
            logger.warning("Container %s has been started again.", event.container)
        elif event.kind == "destroy":
            self._failure = self._removed(event.container)
        elif self._comes_back(event):
            logger.warning(
                "Container %s ended with exit code %s; the engine starts it again.",
                event.container,
                event.exit_code,
            )
        elif event.container_id in self._told_to_end:
            self._failure = ExitedError(
                f"Container {event.container} of Flow {self.name} was stopped by someone else, "
                "with `cflow down` or a command of the engine's own.",
                remedy="Start the Flow again, if it was not meant to stop.",
            )
        else:
            self._failure = ExitedError(
                f"Container {event.container} of Flow {self.name} ended with exit code "
                f"{event.exit_code}, and is not started again.",
                log=last_lines(self._engine, event.container_id),
                remedy="Set the Executor right, and start the Flow again.",
            )

    def _look_again(self) -> None:
        """Called by the watch, in its thread, when the engine is back after it was gone."""
        try:
            there = {one.name: one for one in list_containers(self._engine, self._label)}
        except EngineError as error:
            # Gone again; the watch waits for it and calls once more.
            logger.debug("The containers cannot be listed: %s", error)
            return
        for service in self.plan.services:
            for index in range(service.replicas):
                name = container_name(self.plan, service, index)
                if name not in there:
                    self._failure = self._removed(name)
                elif there[name].state in {"exited", "dead"}:
                    self._failure = ExitedError(
                        f"Container {name} of Flow {self.name} ended with the engine, and was not "
                        "started again.",
                        log=last_lines(self._engine, there[name].id),
                        remedy="Start the Flow again.",
                    )

    def _removed(self, container: str) -> ExitedError:
        return ExitedError(
            f"Container {container} of Flow {self.name} was removed while it ran.",
            remedy=f"`cflow down {self.name}` and `docker rm -f` do so; start the Flow again.",
        )

    def _comes_back(self, event: Happening) -> bool:
        restart = next(
            (one.restart for one in self.plan.services if one.name == event.service), "no"
        )
        return restart == "always" or (restart == "on-failure" and event.exit_code != 0)
