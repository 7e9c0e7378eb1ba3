"""Stop and remove what a Flow left in the engine: politely, at once, or because its owner died."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import docker.errors

from containerflow.engine.failures import engine_errors
from containerflow.errors import EngineError
from containerflow.plan.model import FLOW_LABEL
from containerflow.targets.docker.batch import Batch
from containerflow.targets.docker.cancellation import Cancellation
from containerflow.targets.docker.inventory import (
    ContainerStatus,
    Labelled,
    list_containers,
    list_networks,
    list_volumes,
)

if TYPE_CHECKING:
    from docker import APIClient

    from containerflow.targets.docker.owner import Owner

__all__ = ["Removed", "Swept", "down", "prune", "remove_labelled", "sweep", "take_down"]

_Jobs = dict[str, Callable[[], object]]

_POLL_SECONDS = 0.05
_REMOVAL_SECONDS = 15.0
"""How long the engine may take to finish a removal that it has already begun."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Names of what was removed."""

    containers: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes)


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of what dead owners had left.

    Attributes:
        removed: What has gone.
        failures: The Flow, and why something of it could not be removed.
    """

    removed: Removed
    failures: tuple[tuple[str, Exception], ...] = ()


def down(engine: APIClient, name: str, *, volumes: bool = False) -> Removed:
    """Stop and remove a Flow, whoever started it.

    Args:
        engine: The connection to the engine.
        name: The Flow's name.
        volumes: Remove its named volumes as well, with all that is in them.

    Returns:
        What was removed; nothing where no such Flow is there.

    Raises:
        EngineError: Something could not be removed; all the rest has been.
    """
    label = f"{FLOW_LABEL}={name}"
    containers, networks = list_containers(engine, label), list_networks(engine, label)
    take_down(engine, containers, networks)
    doomed = list_volumes(engine, label) if volumes else []
    _raise_first(_remove_volumes(engine, doomed))
    return _removed(containers, networks, doomed)


def prune(engine: APIClient) -> Removed:
    """Remove the containers and networks of every Flow whose owner has died.

    A Flow of `cflow up` has no owner that could die, and one of another machine cannot be judged:
    both stay. Named volumes hold data and stay too; `down(..., volumes=True)` removes them.

    Args:
        engine: The connection to the engine.

    Returns:
        What was removed.

    Raises:
        EngineError: Something could not be removed; all the rest has been.
    """
    swept = sweep(engine, list_containers(engine), list_networks(engine))
    _raise_first([error for _, error in swept.failures])
    return swept.removed


def sweep(
    engine: APIClient, containers: Iterable[ContainerStatus], networks: Iterable[Labelled]
) -> Swept:
    """Remove at once those of `containers` and `networks` whose owner has died.

    Nothing is raised for what cannot be removed: whoever asks knows whether it matters.
    """
    states: dict[Owner, str] = {}

    def is_dead(owner: Owner | None) -> bool:
        if owner is None:
            return False
        # Judging reads files of the system: once an owner, not once a container.
        if owner not in states:
            states[owner] = owner.state
        return states[owner] == "dead"

    dead_containers = [one for one in containers if is_dead(one.owner)]
    dead_networks = [one for one in networks if is_dead(one.owner)]
    results = Batch(_container_jobs(engine, dead_containers)).run()
    results |= Batch(_network_jobs(engine, dead_networks)).run()
    flows = {one.id: one.flow for one in dead_containers}
    flows |= {one.reference: one.flow for one in dead_networks}
    return Swept(
        removed=_removed(
            [one for one in dead_containers if results[one.id] is None],
            [one for one in dead_networks if results[one.reference] is None],
            [],
        ),
        failures=tuple((flows[key], error) for key, error in results.items() if error),
    )


def take_down(
    engine: APIClient,
    containers: Sequence[ContainerStatus],
    networks: Sequence[Labelled],
    *,
    hurry: Cancellation | None = None,
) -> None:
    """Stop and remove a Flow in order: the Gateway drains while its Executors still answer.

    Args:
        engine: The connection to the engine.
        containers: All of the Flow's; one that is already gone is passed over.
        networks: The Flow's; removed last.
        hurry: Once set, whatever still stops is killed.

    Raises:
        EngineError: Something could not be removed; all the rest has been.
    """
    failures: list[Exception] = []
    gateways = [one for one in containers if one.is_gateway]
    executors = [one for one in containers if not one.is_gateway]
    try:
        for stage in (gateways, executors):
            failures += _stop_stage(engine, stage, hurry)
    except BaseException:
        # An interrupt while stopping politely: no more waiting, but nothing is left behind.
        _remove_containers(engine, containers)
        _remove_networks(engine, networks)
        raise
    failures += _remove_networks(engine, networks)
    _raise_first(failures)


def remove_labelled(engine: APIClient, label: str) -> list[Exception]:
    """Remove at once the containers, networks and volumes with `label`; return what went wrong."""
    try:
        containers, networks = list_containers(engine, label), list_networks(engine, label)
        volumes = list_volumes(engine, label)
    except EngineError as error:
        return [error]
    failures = _remove_containers(engine, containers)
    failures += _remove_networks(engine, networks)
    return failures + _remove_volumes(engine, volumes)


def _stop_stage(
    engine: APIClient, containers: Sequence[ContainerStatus], hurry: Cancellation | None
) -> list[Exception]:
    batch = Batch({one.id: partial(_stop_and_remove, engine, one) for one in containers})
    batch.start()
    while not batch.wait(_POLL_SECONDS if hurry is not None else None):
        if hurry is not None and hurry.is_set():
            return _remove_containers(engine, containers)
    return [error for error in batch.results.values() if error]


def _stop_and_remove(engine: APIClient, container: ContainerStatus) -> None:
    def stop() -> None:
        grace = engine.inspect_container(container.id)["Config"].get("StopTimeout")
        # Said aloud, because the SDK gives up on an answer that takes longer than it was told.
        engine.stop(container.id, timeout=10 if grace is None else grace)

    with engine_errors(f"stopping container {container.name}"):
        _unless_gone(stop)
    _remove_container(engine, container)


def _remove_containers(engine: APIClient, containers: Iterable[ContainerStatus]) -> list[Exception]:
    return _run(_container_jobs(engine, containers))


def _container_jobs(engine: APIClient, containers: Iterable[ContainerStatus]) -> _Jobs:
    return {one.id: partial(_remove_container, engine, one) for one in containers}


def _remove_container(engine: APIClient, container: ContainerStatus) -> None:
    with engine_errors(f"removing container {container.name}"):
        try:
            # Anonymous volumes come from the image alone, so they go with the container.
            _unless_gone(lambda: engine.remove_container(container.id, force=True, v=True))
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            _wait_until_gone(engine, container)


def _wait_until_gone(engine: APIClient, container: ContainerStatus) -> None:
    """Somebody else is removing it already."""
    end = time.monotonic() + _REMOVAL_SECONDS
    while time.monotonic() < end:
        try:
            engine.inspect_container(container.id)
        except docker.errors.NotFound:
            return
        time.sleep(_POLL_SECONDS)
    raise EngineError(
        f"Container {container.name} is being removed, but has not gone.",
        remedy=f"Look at the engine's log, then try `docker rm -f {container.name}`.",
    )


def _remove_networks(engine: APIClient, networks: Iterable[Labelled]) -> list[Exception]:
    return _run(_network_jobs(engine, networks))


def _network_jobs(engine: APIClient, networks: Iterable[Labelled]) -> _Jobs:
    def remove(network: Labelled) -> None:
        with engine_errors(f"removing network {network.name}"):
            try:
                _unless_gone(lambda: engine.remove_network(network.reference))
            except docker.errors.APIError as error:
                if "active endpoints" not in str(error.explanation):
                    raise
                raise EngineError(
                    f"Network {network.name} still has other containers attached.",
                    remedy=f"`docker network inspect {network.name}` names them; take them off "
                    "it with `docker network disconnect` and try again.",
                ) from error

    return {network.reference: partial(remove, network) for network in networks}


def _remove_volumes(engine: APIClient, volumes: Iterable[Labelled]) -> list[Exception]:
    def remove(volume: Labelled) -> None:
        with engine_errors(f"removing volume {volume.name}"):
            _unless_gone(lambda: engine.remove_volume(volume.reference))

    return _run({volume.reference: partial(remove, volume) for volume in volumes})


def _run(jobs: _Jobs) -> list[Exception]:
    return [error for error in Batch(jobs).run().values() if error]


def _unless_gone(call: Callable[[], object]) -> None:
    try:
        call()
    except docker.errors.NotFound:
        # Somebody else removed it, which is all that was wanted.
        return


def _raise_first(failures: Sequence[Exception]) -> None:
    if failures:
        raise failures[0]


def _removed(
    containers: Sequence[ContainerStatus],
    networks: Sequence[Labelled],
    volumes: Sequence[Labelled],
) -> Removed:
    return Removed(
        containers=tuple(one.name for one in containers),
        networks=tuple(one.name for one in networks),
        volumes=tuple(one.name for one in volumes),
    )
