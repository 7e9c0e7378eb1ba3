"""Wait until a Flow is ready, or surely will not be."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from containerflow.errors import EngineUnavailableError
from containerflow.plan.model import Plan, Service
from containerflow.progress import Step
from containerflow.targets.docker.batch import Batch, raise_first
from containerflow.targets.docker.cancellation import Cancellation, raise_if_cancelled
from containerflow.targets.docker.door import Answer, Door, door_of
from containerflow.targets.docker.failed_start import exited, not_ready
from containerflow.targets.docker.watch import Happening, Watch

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["Member", "Readiness"]

_POLL_SECONDS = 0.005
_START_SECONDS = 5.0
"""How long to wait for the engine to say why a container that has ended would not start."""


@dataclass(slots=True)
class Member:
    """One container of a start, from the moment that it is wanted.

    Attributes:
        service: What it is a replica of.
        name: Its name.
        id: The engine's id; empty until it is created.
        started: When it was started, on the monotonic clock in seconds; 0 until then.
        inspected: What the engine says of it; for the Gateway, once it is started.
        door: How it is asked; for the Gateway.
        answer: What it said last; for the Gateway.
    """

    service: Service
    name: str
    id: str = ""
    started: float = 0.0
    inspected: dict[str, Any] | None = None
    door: Door | None = None
    answer: Answer | None = None

    @property
    def is_gateway(self) -> bool:
        """Whether callers reach the Flow through it."""
        return self.service.role == "gateway"

    @property
    def says_ready(self) -> bool:
        """Whether it said that all of the Flow is ready."""
        return self.answer is not None and self.answer.ready


class Readiness:
    """Watches over the containers of one start.

    The Gateway is asked every few milliseconds, and the engine's events end the wait at once when
    a container does: also where the engine would start it again, which must not hide the fault.

    Args:
        engine: The connection to the engine.
        plan: What starts.
        members: All containers of the start.
        launch: The jobs, by name of the container, that create and start them.
        watch: The engine's events.
        happenings: Where the watch puts them.
    """

    def __init__(
        self,
        engine: APIClient,
        plan: Plan,
        members: list[Member],
        launch: Batch,
        watch: Watch,
        happenings: queue.SimpleQueue[Happening],
    ) -> None:
        self._engine = engine
        self._plan = plan
        self._members = {member.name: member for member in members}
        self._gateways = [member for member in members if member.is_gateway]
        self._launch = launch
        self._watch = watch
        self._happenings = happenings
        self._before: set[tuple[str, str]] = set()

    def wait(self, step: Step, cancelled: Cancellation) -> None:
        """Return once the Flow is ready.

        Args:
            step: Is told what is waited for.
            cancelled: Once set, the wait ends with KeyboardInterrupt.

        Raises:
            ExitedError: A container ended.
            ReadyTimeoutError: A service was not ready within its time.
            EngineUnavailableError: The engine stopped answering.
            ContainerflowError: What a job of the launch raised.
        """
        try:
            while not self._is_ready():
                pending = self._pending()
                self._raise_if_late(pending)
                step.note(f"waiting for {', '.join(pending)}")
                raise_if_cancelled(cancelled)
                sleep(_POLL_SECONDS)
        finally:
            for gateway in self._gateways:
                if gateway.door is not None:
                    gateway.door.close()

    def _is_ready(self) -> bool:
        self._raise_if_failed()
        for gateway in self._gateways:
            if gateway.inspected is not None and not gateway.says_ready:
                self._ask(gateway, gateway.inspected)
        if not (self._launch.wait(0) and all(one.says_ready for one in self._gateways)):
            return False
        # A container may have ended after it was asked.
        self._raise_if_failed()
        return True

    def _ask(self, gateway: Member, inspected: dict[str, Any]) -> None:
        if gateway.door is None:
            executors = dict.fromkeys(one.executor for one in self._plan.services if one.executor)
            gateway.door = door_of(self._engine, gateway.service, inspected, tuple(executors))
        # A Gateway too busy for one answer has not unsaid the one before.
        gateway.answer = gateway.door.ask() or gateway.answer

    def _raise_if_failed(self) -> None:
        raise_first(self._launch.results)
        while not self._happenings.empty():
            self._judge(self._happenings.get())
        if self._watch.interrupted.is_set():
            raise EngineUnavailableError(
                f"The container engine stopped answering while Flow {self._plan.name} started.",
                remedy="Start it again and look at its log.",
            )

    def _judge(self, event: Happening) -> None:
        if event.kind in {"oom", "kill"}:
            self._before.add((event.kind, event.container_id))
        if event.kind not in {"die", "destroy"} or event.container not in self._members:
            return
        # Where the engine could not start it, its own words say more than an exit code.
        self._launch.wait_for(event.container, _START_SECONDS)
        raise_first(self._launch.results)
        service = self._members[event.container].service
        raise exited(
            self._engine,
            service,
            event,
            told_to_end=("kill", event.container_id) in self._before,
            out_of_memory=("oom", event.container_id) in self._before,
        )

    def _pending(self) -> dict[str, list[Member]]:
        """The containers that are not known to be ready, by service."""
        told: dict[str, bool] = {}
        for gateway in self._gateways:
            told.update(gateway.answer.services if gateway.answer else {})
        pending: dict[str, list[Member]] = {}
        for member in self._members.values():
            service = member.service
            if member.is_gateway:
                ready = member.says_ready or bool(member.answer and member.answer.services)
            else:
                # Until the Gateway tells of an Executor, nothing is held against it.
                ready = told.get(service.executor, told.get(service.name, True))
            if not ready:
                pending.setdefault(service.name, []).append(member)
        if not pending:
            # All of the Flow's own Executors are ready; an external one keeps the Gateway waiting.
            pending[self._gateways[0].service.name] = self._gateways
        return pending

    def _raise_if_late(self, pending: dict[str, list[Member]]) -> None:
        now = monotonic()
        waited = {
            name: now - max(member.started for member in members)
            for name, members in pending.items()
            if all(member.started for member in members)
        }
        late = [
            name
            for name, seconds in waited.items()
            if 0 < pending[name][0].service.ready_timeout_seconds <= seconds
        ]
        if late:
            raise not_ready(
                self._engine,
                self._plan,
                [(pending[name][0].service, seconds) for name, seconds in waited.items()],
                [member.id for name in late for member in pending[name]],
            )
