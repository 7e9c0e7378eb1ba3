"""The runtime image: containerflow and what it needs, and the builder that it comes out of."""

from __future__ import annotations

from dataclasses import dataclass

import docker

from containerflow.images.base import Base, find_base, make_base
from containerflow.images.build import Recipe, build
from containerflow.images.context import Context, Entry
from containerflow.images.recipes import PACKAGE, package_files, recipe
from containerflow.images.registry import image_id, image_megabytes
from containerflow.progress import Progress

__all__ = ["Runtime", "ensure_runtime", "find_runtime"]

BUILDER_REPOSITORY = "containerflow/builder"
RUNTIME_REPOSITORY = "containerflow/runtime"


@dataclass(frozen=True, slots=True)
class Runtime:
    """The images that an Executor's image is made from.

    Attributes:
        reference: The runtime image: what Gateways run and Executors' images stand on.
        builder: The image whose pip installs what Executors require.
    """

    reference: str
    builder: str


def find_runtime(engine: docker.APIClient) -> Runtime | None:
    """The runtime image of this version of the package, where the engine has it."""
    base = find_base(engine)
    if base is None:
        return None
    _, _, names = _recipes(base)
    return names if image_id(engine, names.reference) is not None else None


def ensure_runtime(engine: docker.APIClient, progress: Progress) -> Runtime:
    """Build the runtime image, and what it needs, where the engine does not have it yet.

    Args:
        engine: Where to look and to build.
        progress: Told of each step, and of the sizes.

    Raises:
        ImageNotFoundError: There is no base image and none can be made here.
        BuildError: A build failed; carries its last lines.

    Example:
        ::

            runtime = ensure_runtime(connect(), Silent())
            print(runtime.reference)
    """
    base = find_base(engine) or make_base(engine, progress)
    builder, runtime, names = _recipes(base)
    if image_id(engine, names.reference) is None:
        if image_id(engine, names.builder) is None:
            build(builder, names.builder, engine, progress)
        build(runtime, names.reference, engine, progress)
        size = image_megabytes(engine, names.reference)
        progress.say(f"Runtime image {names.reference}: {size} MB")
    return names


def _recipes(base: Base) -> tuple[Recipe, Recipe, Runtime]:
    builder = Recipe(
        kind="builder",
        repository=BUILDER_REPOSITORY,
        context=Context.of(
            [
                _entry("Dockerfile", "runtime", "builder.Dockerfile"),
                _entry("install.sh", "runtime", "install.sh"),
                _entry("install-requirements", "runtime", "install-requirements", executable=True),
                _entry("requirements.txt", "runtime", "requirements.txt"),
            ]
        ),
        arguments={"BASE": base.reference},
        parents=(base.id,),
        network="network",
    )
    builder_reference = builder.reference
    package = (
        Entry(f"containerflow/{file.relative_to(PACKAGE).as_posix()}", file)
        for file in package_files()
    )
    runtime = Recipe(
        kind="runtime",
        repository=RUNTIME_REPOSITORY,
        context=Context.of(
            [
                _entry("Dockerfile", "runtime", "runtime.Dockerfile"),
                _entry("probe", "runtime", "probe", executable=True),
                *package,
            ]
        ),
        arguments={"BASE": base.reference, "BUILDER": builder_reference},
        parents=(base.id,),
    )
    return builder, runtime, Runtime(runtime.reference, builder_reference)


def _entry(path: str, *parts: str, executable: bool = False) -> Entry:
    return Entry(path, recipe(*parts), executable=executable)
