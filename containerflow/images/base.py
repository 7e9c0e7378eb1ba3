"""The image that all others stand on: a small Debian with Python.

A Python slim image is used where the engine has it or can pull it. Where no registry is in reach,
the same is made from Debian's packages.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from typing import IO

import docker

from containerflow.engine.failures import engine_errors
from containerflow.errors import BuildError, ImageNotFoundError
from containerflow.images.build import IMAGE_LABEL
from containerflow.images.context import Context, Entry
from containerflow.images.recipes import PYTHON, recipe
from containerflow.images.registry import image_id, image_megabytes, pull
from containerflow.progress import Progress, Step

__all__ = ["Base", "find_base", "make_base"]

SUITE = "bookworm"
SLIM_IMAGE = f"python:{PYTHON[0]}.{PYTHON[1]}-slim-{SUITE}"
REPOSITORY = "containerflow/base"
PULL_PATIENCE_SECONDS = 8.0
"""Silence after which a registry counts as out of reach."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Base:
    """A base image that the engine has.

    Attributes:
        reference: What a Dockerfile's FROM calls it.
        id: The engine's id of its content.
    """

    reference: str
    id: str


def find_base(engine: docker.APIClient) -> Base | None:
    """The base image that the engine has; None where it must be made first."""
    for reference in (_debian_reference(), SLIM_IMAGE):
        found = image_id(engine, reference)
        if found is not None:
            return Base(reference, found)
    return None


def make_base(engine: docker.APIClient, progress: Progress) -> Base:
    """Pull the base image or, where no registry is in reach, build it from Debian's packages.

    Raises:
        ImageNotFoundError: It can neither be pulled nor built on this machine.
        BuildError: Building it failed; carries the last lines.
    """
    unreachable = None
    try:
        pull(engine, SLIM_IMAGE, progress, patience=PULL_PATIENCE_SECONDS)
    except ImageNotFoundError as error:
        unreachable = error
    if unreachable is not None:
        progress.say(f"{unreachable.message} Building the base from Debian's packages instead.")
        _build_debian(engine, progress, _debian_reference(), unreachable)
    base = find_base(engine)
    if base is None:
        raise BuildError(
            "The engine does not show the base image that it has just been given.",
            remedy="Another process may be removing images: try again.",
        )
    size = image_megabytes(engine, base.reference)
    progress.say(f"Base image {base.reference}: {size} MB")
    return base


def _debian_reference() -> str:
    script = Entry("debian.sh", recipe("base", "debian.sh"))
    return f"{REPOSITORY}:{Context.of([script]).tag({'suite': SUITE})}"


def _build_debian(
    engine: docker.APIClient, progress: Progress, reference: str, reason: ImageNotFoundError
) -> None:
    _require_debian(engine, reason)
    with (
        progress.step(f"Building {reference} from Debian's packages, once") as step,
        tempfile.NamedTemporaryFile() as archive,
    ):
        if shutil.which("debootstrap") is None:
            step.note("Installing debootstrap")
            _run(["apt-get", "-qq", "update"], None, step)
            _run(["apt-get", "-qq", "-y", "install", "debootstrap"], None, step)
        # Into a file first: an engine would take what a failed script had written for an image.
        _run(["sh", str(recipe("base", "debian.sh")), SUITE], archive, step)
        archive.flush()
        step.note("Importing into the engine")
        with engine_errors(f"importing the image {reference}"):
            engine.import_image_from_file(
                archive.name,
                # With its tag, because Podman does not read the parameter `tag`.
                repository=reference,
                changes=[f"LABEL {IMAGE_LABEL}=base", f"ENV PATH={_PATH}", 'CMD ["python3"]'],
            )


def _require_debian(engine: docker.APIClient, reason: ImageNotFoundError) -> None:
    """Raise where this machine cannot build the base."""
    with engine_errors("asking the engine for its architecture"):
        wanted = str(engine.version()["Arch"])
    machine = platform.machine()
    missing = ""
    if sys.platform != "linux" or shutil.which("apt-get") is None:
        missing = "this is not a Debian machine"
    elif os.geteuid() != 0:
        missing = "this is not the root user"
    elif _MACHINES.get(machine, machine) != wanted:
        missing = f"the engine is for {wanted} and this machine is {machine}"
    if missing:
        raise ImageNotFoundError(
            f"There is no base image: {reason.message} "
            f"It cannot be built from Debian's packages either, because {missing}.",
            remedy=f"Pull {SLIM_IMAGE} or bring it in with `docker load`, "
            "or run this once as root on Debian.",
        ) from reason


def _run(command: list[str], output: IO[bytes] | None, step: Step) -> None:
    """Run a program, its words as notes; raise BuildError with the last ones when it fails."""
    tail: deque[str] = deque(maxlen=20)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.PIPE if output else subprocess.STDOUT,
        env=environment,
    ) as process:
        words = process.stderr if output else process.stdout
        assert words is not None
        for line in words:
            text = line.decode(errors="replace").strip()
            if text:
                tail.append(text)
                step.note(text)
    if process.returncode:
        raise BuildError(
            f"`{command[0]} {command[1]}` ended with exit code {process.returncode}.",
            log="\n".join(tail),
            remedy="Its last lines follow.",
        )
