"""What a test of a whole Flow takes away again, and where it looks for what is left."""

from __future__ import annotations

from docker import APIClient

from containerflow.plan.model import FLOW_LABEL
from containerflow.targets import docker


def left_of(engine: APIClient, name: str) -> list[str]:
    """Containers and networks of a Flow that are still there."""
    label = {"label": f"{FLOW_LABEL}={name}"}
    containers = engine.containers(all=True, filters=label)
    networks = engine.networks(filters=label)
    return [one["Id"] for one in (*containers, *networks)]


def remove_all_of(engine: APIClient, name: str) -> None:
    """Remove a Flow, its volumes and the images that were built for it."""
    docker.down(engine, name, volumes=True)
    for image in engine.images():
        for tag in image["RepoTags"] or ():
            if tag.startswith(f"containerflow/{name}-"):
                engine.remove_image(tag)
