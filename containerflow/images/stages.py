"""Images of build stages that must not outlive their build.

An engine keeps the image of every step of a build, untagged, as a cache. Those of a stage that
knew this machine's certificates and package indexes are found by a label and removed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import docker
import docker.errors

from containerflow.engine.failures import engine_errors
from containerflow.errors import EngineError

__all__ = ["STAGE_ARGUMENT", "STAGE_LABEL", "remove_old_stages", "remove_stages"]

STAGE_LABEL = "io.containerflow.stage"
"""Label on every image of such a stage; its value tells one build from another."""

STAGE_ARGUMENT = "STAGE"
"""The build argument that gives the label its value."""

_PATIENCE_SECONDS = 10.0
"""How long an engine may take to end a build that was broken off."""

_OLD_SECONDS = 600.0
"""Age from which on a stage belongs to no build that still runs: the newest image of one that
runs is either used by the container of its next step or younger."""


def remove_stages(engine: docker.APIClient, stage: str) -> None:
    """Remove the images that one build left of its stages.

    Args:
        engine: Where it was built.
        stage: The label's value in that build.

    Raises:
        EngineError: They cannot be removed; says how to do it by hand.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while left := _remove(engine, _labelled(engine, f"{STAGE_LABEL}={stage}")):
        if time.monotonic() > deadline:
            raise EngineError(
                "The engine keeps images that hold this machine's network settings: "
                f"{', '.join(left)}.",
                remedy=f"Remove them with `docker image prune --filter label={STAGE_LABEL}`.",
            )
        time.sleep(0.2)


def remove_old_stages(engine: docker.APIClient) -> None:
    """Remove the stages of builds whose process was killed; those in use stay.

    Raises:
        EngineError: The engine refused.
    """
    limit = time.time() - _OLD_SECONDS
    stages = _labelled(engine, STAGE_LABEL)
    _remove(engine, [image for image in stages if float(image["Created"]) < limit])


def _labelled(engine: docker.APIClient, label: str) -> list[dict[str, Any]]:
    """The untagged images that have a label, intermediate ones among them."""
    with engine_errors("looking for images of build stages"):
        found = engine.images(all=True, filters={"label": label})
        return [image for image in found if not _tags(image)]


def _tags(image: Mapping[str, Any]) -> list[str]:
    return [tag for tag in image["RepoTags"] or [] if tag != "<none>:<none>"]


def _remove(engine: docker.APIClient, images: Iterable[Mapping[str, Any]]) -> list[str]:
    """Remove images, each after those that stand on it; returns the ids of those in use."""
    left = {str(image["Id"]): str(image.get("ParentId", "")) for image in images}
    used: list[str] = []
    while left:
        parents = set(left.values())
        # An image whose children are in use is in use itself.
        tops = [name for name in left if name not in parents]
        for name in tops:
            parent = left.pop(name)
            if not _remove_one(engine, name):
                used.append(name)
                while parent in left:
                    used.append(parent)
                    parent = left.pop(parent)
    return used


def _remove_one(engine: docker.APIClient, name: str) -> bool:
    with engine_errors("removing the images of a build stage"):
        try:
            engine.remove_image(name)
        except docker.errors.ImageNotFound:
            # It went with the image that stood on it.
            return True
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            return False
    return True
