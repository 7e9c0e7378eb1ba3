"""Why the engine would not create or start a container, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import docker.errors

from containerflow.engine.failures import engine_errors
from containerflow.errors import (
    AlreadyRunningError,
    ImageNotFoundError,
    PortInUseError,
    StartError,
)
from containerflow.plan.model import FLOW_LABEL, Plan, Service
from containerflow.targets.docker.inventory import list_containers, list_networks
from containerflow.targets.docker.port_holder import port_holder

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["RUNTIME", "being_started", "container_faults", "network_faults"]

_NO_PROGRAM = re.compile(r"no such file or directory|executable file not found", re.IGNORECASE)
_NO_GPU = re.compile(r"could not select device driver|nvidia-container", re.IGNORECASE)


@contextmanager
def container_faults(engine: APIClient, plan: Plan, service: Service, name: str) -> Iterator[None]:
    """Raise ours for what the engine says when it creates or starts a container.

    Raises:
        AlreadyRunningError: A Flow of the name came up at the same moment.
        ImageNotFoundError: The image has gone from the engine.
        PortInUseError: Somebody else holds a published port.
        StartError: The image has no runtime, there is no such GPU, or a name is taken.
        EngineError: Anything else that it refuses.
    """
    try:
        with engine_errors(f"starting container {name}"):
            try:
                yield
            except docker.errors.ImageNotFound as error:
                raise ImageNotFoundError(
                    f"Image {service.image} of service {service.name} is not in the engine.",
                    remedy="It was removed a moment ago, or never built: start the Flow again.",
                ) from error
            except docker.errors.APIError as error:
                text = str(error.explanation or error)
                if error.status_code == 409 and "already in use" in text:
                    raise _name_taken(engine, plan, f"container {name}") from error
                if _NO_GPU.search(text):
                    raise StartError(
                        f"Container {name} asks for GPUs, which this engine cannot give: {text}.",
                        remedy="Install the NVIDIA Container Toolkit, or take `gpus` away.",
                    ) from error
                if _NO_PROGRAM.search(text) and "exec" in text:
                    raise StartError(_missing_runtime(name, service), remedy=RUNTIME) from error
                raise
    except PortInUseError as error:
        raise _port_taken(engine, plan, service, error) from error


@contextmanager
def network_faults(engine: APIClient, plan: Plan) -> Iterator[None]:
    """Raise ours for what the engine says when it creates the Flow's network.

    Raises:
        AlreadyRunningError: A Flow of the name came up at the same moment.
        StartError: A network of that name belongs to something else.
        EngineError: Anything else that it refuses.
    """
    with engine_errors(f"creating network {plan.network}"):
        try:
            yield
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            raise _name_taken(engine, plan, f"network {plan.network}") from error


RUNTIME = (
    "Give `uses` a directory with an executor.py, from which an image is built, or build that "
    "image FROM containerflow's runtime image."
)


def _missing_runtime(name: str, service: Service) -> str:
    """The sentence for an image without the program that the Plan runs."""
    program = next((word for word in service.command if word.startswith("/")), "the command")
    return (
        f"Container {name} cannot run: image {service.image} has no {program}, so it is no "
        "Executor's image."
    )


def being_started(plan: Plan) -> AlreadyRunningError:
    """The error where someone else has just begun with a Flow of the name."""
    return AlreadyRunningError(
        f"Flow {plan.name} is being started or stopped by someone else at this moment.",
        remedy=f"Wait for it, stop it with `cflow down {plan.name}`, or give this Flow "
        "another name.",
    )


def _name_taken(engine: APIClient, plan: Plan, what: str) -> StartError:
    kind, _, name = what.partition(" ")
    lister = list_containers if kind == "container" else list_networks
    if any(one.name == name for one in lister(engine, f"{FLOW_LABEL}={plan.name}")):
        return being_started(plan)
    return StartError(
        f"There is a {kind} named {name} already, and it belongs to no Flow.",
        remedy=f"Give this Flow another name, or remove it with `docker {kind} rm {name}`.",
    )


def _port_taken(
    engine: APIClient, plan: Plan, service: Service, error: PortInUseError
) -> PortInUseError:
    for port in service.ports:
        if not port.published:
            continue
        holder = port_holder(engine, port.published)
        if holder or f":{port.published}" in str(error.__cause__):
            by = holder or "another process"
            return PortInUseError(
                f"Port {port.published} of {port.address or 'this machine'}, which Flow "
                f"{plan.name} publishes, is in use by {by}.",
                remedy="Stop it, or choose another port; port 0 takes a free one.",
            )
    return error
