"""Build an image, and say clearly why where it cannot be built."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import docker

from containerflow.engine.failures import engine_errors
from containerflow.errors import BuildError
from containerflow.images.context import Context
from containerflow.images.network import configuration_files, network_entries, proxy_arguments
from containerflow.images.stages import STAGE_ARGUMENT, remove_old_stages, remove_stages
from containerflow.progress import Progress, Step

__all__ = ["IMAGE_LABEL", "Recipe", "build"]

IMAGE_LABEL = "io.containerflow.image"
"""Label on every image that we make; its value is the kind of image."""

_TAIL_LINES = 20
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True, slots=True)
class Recipe:
    """An image that can be built.

    Attributes:
        kind: What it is, for its label: builder, runtime, requirements, executor.
        repository: Its name without the tag.
        context: What it is built from, the Dockerfile among it.
        arguments: Build arguments; they are part of the tag.
        parents: Ids of images that it stands on; they are part of the tag.
        network: Where in the context the stages that install packages look for the machine's
            network settings; empty for a build that has no such stage. Such a stage must begin
            with `ARG STAGE` and `LABEL io.containerflow.stage=${STAGE}`, and the image must not
            stand on it: what has that label is removed after the build.
        below: An image that is named in the arguments and must be built first, if any.
        hint: What to tell the author when a step fails, beside the step's last lines.
    """

    kind: str
    repository: str
    context: Context
    arguments: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[str, ...] = ()
    network: str = ""
    below: Recipe | None = None
    hint: str = ""

    @property
    def reference(self) -> str:
        """Repository and content tag. Reads every file of the context."""
        decides = {**self.arguments, "parents": " ".join(self.parents)}
        return f"{self.repository}:{self.context.tag(decides)}"


def build(
    recipe: Recipe,
    reference: str,
    engine: docker.APIClient,
    progress: Progress,
    *,
    fresh: bool = False,
    stop: Event | None = None,
) -> None:
    """Build an image; what stands below it must be there.

    When this returns or raises, the engine holds no image of a stage that knew the machine's
    network settings. A process that is killed in the middle leaves such images to the next build.

    Args:
        recipe: What to build.
        reference: The name and tag to give it.
        engine: Where to build it.
        progress: Told of each step.
        fresh: Use nothing of earlier builds.
        stop: Once it is set, the build is broken off.

    Raises:
        BuildError: A step failed; carries its last lines.
        SourceError: A file of the context cannot be read.
        EngineError: The engine refused.
    """
    with progress.step(f"Building {reference}") as step:
        network = []
        if recipe.network:
            files = configuration_files(os.environ, Path.home())
            network = network_entries(os.environ, files, recipe.network)
            remove_old_stages(engine)
        stage = uuid4().hex if recipe.network else ""
        arguments = {**proxy_arguments(os.environ), **recipe.arguments}
        if stage:
            arguments[STAGE_ARGUMENT] = stage
        try:
            with (
                recipe.context.archive(network) as archive,
                engine_errors(f"building the image {reference}"),
            ):
                events = engine.build(
                    fileobj=archive,
                    custom_context=True,
                    tag=reference,
                    buildargs=arguments,
                    labels={IMAGE_LABEL: recipe.kind},
                    rm=True,
                    forcerm=True,
                    nocache=fresh,
                    decode=True,
                )
                with closing(events):
                    _follow(events, recipe, reference, step, stop or Event())
        finally:
            if stage:
                remove_stages(engine, stage)


def _follow(
    events: Iterator[dict[str, Any]], recipe: Recipe, reference: str, step: Step, stop: Event
) -> None:
    """Tell of a build as it goes; raise when it fails."""
    instruction = ""
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    for event in events:
        if stop.is_set():
            raise BuildError(f"Building the image {reference} was broken off.")
        for line in _TERMINAL_CODES.sub("", event.get("stream", "")).splitlines():
            if not line.strip():
                continue
            if line.startswith("Step ") and " : " in line:
                instruction = line.partition(" : ")[2]
                tail.clear()
            else:
                tail.append(line.rstrip())
            step.note(line.strip())
        if "error" in event:
            at = f" at `{_shorten(instruction)}`" if instruction else ""
            reason = str(event["error"]).strip()
            if not tail or reason not in tail[-1]:
                tail.append(reason)
            raise BuildError(
                f"Building the image {reference} failed{at}.",
                log="\n".join(tail),
                remedy=f"{recipe.hint} The last lines of that step follow.".lstrip(),
            )


def _shorten(text: str, limit: int = 100) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
