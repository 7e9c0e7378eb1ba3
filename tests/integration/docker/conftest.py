"""Real Flows for tests of the Docker target, and a look at what they leave behind."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import docker
import pytest

from containerflow.flow.yaml import load
from containerflow.images.prepare import Sources, prepare
from containerflow.plan.lower import lower
from containerflow.plan.model import FLOW_LABEL, Plan, Service
from containerflow.progress import Silent
from containerflow.targets.docker import Deployment, Owner, down, up

PYTHON = ("/opt/containerflow/bin/dumb-init", "--", "/opt/containerflow/bin/python", "-c")


@dataclass
class Engine:
    """The engine, and one Flow's name in it that no one else uses."""

    client: docker.APIClient
    name: str
    root: Path
    running: list[Deployment] = field(default_factory=list)

    def plan(
        self,
        executors: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        name: str | None = None,
        programs: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Plan:
        """A Plan whose images are in the engine.

        Args:
            executors: Options by name of Executor; without `uses` they change nothing.
            name: Name of the Flow.
            programs: Python code by name of service, which runs in the place of the runtime.
            options: Options of the Flow and the Gateway.
        """
        flow = {
            "jtype": "Flow",
            "with": {"name": name or self.name, "port": 0, "protocol": "http", **options},
            "executors": [{"name": key, **value} for key, value in (executors or {}).items()],
        }
        plan = prepare(lower(load(flow)), Sources(self.root), self.client, Silent())
        programs = programs or {}
        return replace(
            plan,
            services=tuple(
                replace(service, command=(*PYTHON, programs[service.name]))
                if service.name in programs
                else service
                for service in plan.services
            ),
        )

    def up(
        self,
        plan: Plan,
        *,
        client: docker.APIClient | None = None,
        owner: Owner | None = None,
        cancelled: threading.Event | None = None,
    ) -> Deployment:
        """Start a Plan; the test's end stops it."""
        deployment = up(
            plan, client or self.client, Silent(), root=self.root, owner=owner, cancelled=cancelled
        )
        self.running.append(deployment)
        return deployment

    def left(self, name: str | None = None) -> list[str]:
        """Names of all containers, networks and volumes of a Flow."""
        return left(self.client, name or self.name)


def left(client: docker.APIClient, name: str) -> list[str]:
    """Names of all containers, networks and volumes of a Flow."""
    labelled = {"label": f"{FLOW_LABEL}={name}"}
    containers = client.containers(all=True, filters=labelled)
    return [
        *(one["Names"][0].lstrip("/") for one in containers),
        *(one["Name"] for one in client.networks(filters=labelled)),
        *(one["Name"] for one in client.volumes(filters=labelled)["Volumes"] or ()),
    ]


def remove_images(client: docker.APIClient, name: str) -> None:
    """Remove the images that were built for the Executors of a Flow."""
    for image in client.images(filters={"reference": f"containerflow/{name}-*"}):
        for tag in image["RepoTags"]:
            client.remove_image(tag, force=True)


def changed(plan: Plan, service: str, **changes: Any) -> Plan:
    """A Plan with other values in one of its services."""

    def change(one: Service) -> Service:
        return replace(one, **changes) if one.name == service else one

    return replace(plan, services=tuple(change(one) for one in plan.services))


@contextmanager
def own_name(client: docker.APIClient, root: Path) -> Iterator[Engine]:
    """The engine, under a name that no one else uses; all of that name is removed at the end."""
    name = f"t{os.getpid()}-{secrets.token_hex(3)}"
    mine = Engine(client, name, root)
    yield mine
    for deployment in mine.running:
        deployment.release()
    for suffix in ("", "-other"):
        down(client, name + suffix, volumes=True)
    remove_images(client, name)


@pytest.fixture
def on_engine(engine: docker.APIClient, tmp_path: Path) -> Iterator[Engine]:
    """For a test that starts, changes or stops Flows of its own."""
    with own_name(engine, tmp_path) as mine:
        yield mine


@pytest.fixture(scope="module")
def shared(engine: docker.APIClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """For a Flow that several tests of a module look at, and none of them changes."""
    with own_name(engine, tmp_path_factory.mktemp("shared")) as mine:
        yield mine
