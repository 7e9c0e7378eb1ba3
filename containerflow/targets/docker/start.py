"""Bring a Plan up in an engine, all of it or nothing."""

from __future__ import annotations

import logging
import queue
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from containerflow.engine.failures import engine_errors
from containerflow.errors import AlreadyRunningError, ContainerflowError, StartError
from containerflow.plan.model import Plan
from containerflow.progress import Progress, Step
from containerflow.targets.docker.addresses import addresses, engine_host
from containerflow.targets.docker.batch import Batch, raise_first
from containerflow.targets.docker.cancellation import Cancellation, raise_if_cancelled
from containerflow.targets.docker.container import (
    START_LABEL,
    configuration,
    container_name,
    owned_labels,
)
from containerflow.targets.docker.deployment import Deployment
from containerflow.targets.docker.faults import being_started, container_faults, network_faults
from containerflow.targets.docker.inventory import list_containers, list_networks
from containerflow.targets.docker.owner import Owner
from containerflow.targets.docker.readiness import Member, Readiness
from containerflow.targets.docker.removal import remove_labelled, sweep
from containerflow.targets.docker.watch import Happening, Watch

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["up"]

logger = logging.getLogger(__name__)


def up(
    plan: Plan,
    engine: APIClient,
    progress: Progress,
    *,
    root: Path,
    owner: Owner | None = None,
    cancelled: Cancellation | None = None,
) -> Deployment:
    """Start a Flow and wait until it is ready.

    What Flows of dead owners left behind is removed first; what cannot be removed of another Flow
    is told, and holds nothing up. Whatever goes wrong, and when the start
    is interrupted, everything that this start has made is removed again.

    Args:
        plan: What to run; every image is in the engine.
        engine: The connection to the engine; several threads use it.
        progress: Is told what happens.
        root: The Flow's directory, from which relative paths of bind mounts start.
        owner: Who answers for the Flow; this process by default.
        cancelled: Once set, the start ends with KeyboardInterrupt; it is looked at, not waited on.

    Returns:
        The running Flow.

    Raises:
        AlreadyRunningError: A Flow of that name is up.
        ExitedError: A container ended before the Flow was ready.
        ReadyTimeoutError: A container was not ready within its time.
        PortInUseError: Somebody else holds a published port.
        ImageNotFoundError: An image is not in the engine.
        EngineUnavailableError: The engine stopped answering.
        StartError: A container cannot be started.
        EngineError: The engine refused something else.

    Example:
        ::

            deployment = up(plan, connect(), Silent(), root=Path.cwd())
            print(deployment.addresses[0].local)
            deployment.close()
    """
    count = sum(service.replicas for service in plan.services)
    title = f"Starting {plan.name} ({count} container{'s' if count > 1 else ''})"
    with progress.step(title) as step:
        cancelled = cancelled or _Never()
        _clear_the_way(plan, engine, progress)
        _check_binds(plan, engine, root)
        start = _Start(plan, engine, root, owner or Owner.current())
        try:
            return start.run(step, cancelled)
        except BaseException as error:
            try:
                start.undo(error)
            except BaseException:
                # A handler of the program's own raised meanwhile: nothing is left for that.
                start.undo(error)
                raise
            raise


class _Never:
    def is_set(self) -> bool:
        return False


def _clear_the_way(plan: Plan, engine: APIClient, progress: Progress) -> None:
    containers, networks = list_containers(engine), list_networks(engine)
    swept = sweep(engine, containers, networks)
    removed = swept.removed
    for flow, error in swept.failures:
        if flow == plan.name:
            raise error
        # Of no consequence to this Flow; `cflow prune` fails over it.
        remedy = error.remedy if isinstance(error, ContainerflowError) else ""
        progress.say(f"Left from Flow {flow}, whose process has died: {error} {remedy}".strip())
    if removed:
        names = ", ".join(removed.containers or removed.networks)
        progress.say(f"Removed what a Flow left whose process has died: {names}")
    gone = {*removed.containers, *removed.networks}
    owners = [one.owner for one in containers if one.flow == plan.name and one.name not in gone]
    owners += [one.owner for one in networks if one.flow == plan.name and one.name not in gone]
    if owners:
        by = f", started by {owners[0]}" if owners[0] is not None else ""
        raise AlreadyRunningError(
            f"Flow {plan.name} is up already{by}.",
            remedy=f"Stop it with `cflow down {plan.name}`, or give this Flow another name.",
        )


def _check_binds(plan: Plan, engine: APIClient, root: Path) -> None:
    if engine_host(engine):
        # The paths are those of another machine.
        return
    for service in plan.services:
        for mount in service.mounts:
            if mount.kind == "bind" and not (root / mount.source).exists():
                raise StartError(
                    f"{mount.source}, which {service.executor or service.name} mounts at "
                    f"{mount.target}, does not exist in {root}.",
                    remedy="Create it, or correct `volumes`.",
                )


class _Start:
    """One start; everything that it makes carries its token as a label."""

    def __init__(self, plan: Plan, engine: APIClient, root: Path, owner: Owner) -> None:
        self._plan = plan
        self._engine = engine
        self._root = root
        self._token = secrets.token_hex(8)
        self._labels = owned_labels(plan, owner, self._token)
        self._watch: Watch | None = None
        self._launch: Batch | None = None

    def run(self, step: Step, cancelled: Cancellation) -> Deployment:
        happenings: queue.SimpleQueue[Happening] = queue.SimpleQueue()
        raise_if_cancelled(cancelled)
        self._watch = watch = Watch(self._engine, self._token, happenings.put)
        self._make_volumes()
        self._make_network()
        raise_if_cancelled(cancelled)
        members = [
            Member(service, container_name(self._plan, service, index))
            for service in self._plan.services
            for index in range(service.replicas)
        ]
        launch = Batch({member.name: partial(self._start, member) for member in members})
        self._launch = launch
        launch.start()
        readiness = Readiness(self._engine, self._plan, members, launch, watch, happenings)
        readiness.wait(step, cancelled)
        gateway = next(member for member in members if member.is_gateway)
        assert gateway.inspected is not None
        reached = addresses(self._engine, gateway.service.ports, gateway.inspected)
        deployment = Deployment(self._engine, self._plan, self._token, reached, watch)
        while not happenings.empty():
            # What came in between the last look and the handing over.
            watch.on_happening(happenings.get())
        return deployment

    def undo(self, error: BaseException) -> None:
        """Remove everything that this start has made, and say so in `error` where that fails."""
        if self._watch is not None:
            self._watch.close()
        if self._launch is not None:
            # A container whose creation is under way would otherwise come to be afterwards.
            self._launch.cancel()
            self._launch.wait()
        failures = remove_labelled(self._engine, f"{START_LABEL}={self._token}")
        if not failures:
            return
        left = (
            f"What the start had made could not all be removed; `cflow down {self._plan.name} "
            "--volumes` does so when the engine answers again."
        )
        logger.warning("%s (%s)", left, failures[0])
        if isinstance(error, ContainerflowError):
            error.remedy = f"{error.remedy} {left}".strip()

    def _make_volumes(self) -> None:
        def make(name: str) -> None:
            with engine_errors(f"creating volume {name}"):
                # A volume that is there stays as it is, with the labels of the start that made it.
                self._engine.create_volume(name, labels=self._labels)

        raise_first(Batch({name: partial(make, name) for name in self._plan.volumes}).run())

    def _make_network(self) -> None:
        name = self._plan.network
        with network_faults(self._engine, self._plan):
            made = self._engine.create_network(
                name, driver="bridge", check_duplicate=True, labels=self._labels
            )
            # The engine looks for duplicates before it creates, so that two starts at once may
            # each get a network of the name. The older one stays.
            same = [one for one in self._engine.networks(names=[name]) if one["Name"] == name]
        if made["Id"] != min(same, key=lambda one: (one["Created"], one["Id"]))["Id"]:
            raise being_started(self._plan)

    def _start(self, member: Member) -> None:
        """Create and start one container; runs in a thread of the batch."""
        service = member.service
        config = configuration(self._plan, service, self._root, self._labels)
        with container_faults(self._engine, self._plan, service, member.name):
            created = _unambiguous(self._engine.create_container_from_config, config, member.name)
            member.id = created["Id"]
            _unambiguous(self._engine.start, member.id)
            member.started = monotonic()
            if member.is_gateway:
                member.inspected = self._engine.inspect_container(member.id)


def _unambiguous(call: Callable[..., Any], *arguments: object) -> Any:
    """Call the engine, again until a start that came second has removed its network."""
    again = Retrying(
        retry=retry_if_exception(lambda error: "is ambiguous" in str(error)),
        wait=wait_fixed(0.05),
        stop=stop_after_delay(5),
        reraise=True,
    )
    return again(call, *arguments)
