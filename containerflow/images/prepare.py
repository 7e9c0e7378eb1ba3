"""Pin every image of a Plan to its content, and see to it that the engine has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Thread

import docker

from containerflow.engine.failures import engine_errors
from containerflow.errors import ImageNotFoundError
from containerflow.images.build import Recipe, build
from containerflow.images.executor import Ingredients, executor_recipe, gather
from containerflow.images.registry import image_id, pull
from containerflow.images.runtime import Runtime, ensure_runtime, find_runtime
from containerflow.images.sources import Sources
from containerflow.plan.model import Plan, Service
from containerflow.progress import Progress

__all__ = ["Sources", "prepare"]

_AT_ONCE = 2
"""Builds that run at the same time: each is mostly one busy process in the engine."""


def prepare(
    plan: Plan,
    sources: Sources,
    engine: docker.APIClient,
    progress: Progress,
    *,
    rebuild: bool = False,
    no_rebuild: bool = False,
) -> Plan:
    """Pin every image of a Plan to its content, and build or pull those that are missing.

    Where all are there, this reads the sources and asks the engine once for each image.

    Args:
        plan: A Plan as it is lowered, with images that have no tag yet.
        sources: Where the author's files are.
        engine: The engine that is to have the images.
        progress: Told of all work that takes long.
        rebuild: Build the Executors' images although they are there, using nothing of earlier
            builds: for requirements that are not pinned.
        no_rebuild: Build nothing; an image that is missing is an error.

    Returns:
        The same Plan with `image` of each service as `repository:tag`.

    Raises:
        SourceError: An Executor's source is missing or unusable.
        ImageNotFoundError: An image can neither be found nor pulled, or is missing and
            `no_rebuild` is set.
        BuildError: A build failed; carries its last lines.
        EngineError: The engine refused, or went away.

    Example:
        ::

            plan = prepare(lower(spec), Sources(root=Path(".")), connect(), Silent())
            print([service.image for service in plan.services])
    """
    # The author's mistakes come to light before anything long begins.
    ingredients = {
        service.name: gather(service.build, sources, service.executor or service.name)
        for service in plan.services
        if service.build is not None
    }
    _pull_missing(plan, engine, progress)
    if not ingredients:
        return plan
    runtime = _runtime(engine, progress, no_rebuild=no_rebuild)
    references, groups = _references(plan, ingredients, runtime)
    if no_rebuild:
        missing = [name for name in references.values() if image_id(engine, name) is None]
        if missing:
            raise _not_built(sorted(set(missing)))
    else:
        _provide_all(groups, engine, progress, rebuild=rebuild)
    services = (
        replace(service, image=references.get(service.name, service.image))
        for service in plan.services
    )
    return replace(plan, services=tuple(services))


@dataclass(frozen=True, slots=True)
class _Group:
    """References that have the same content, and how it is made."""

    recipe: Recipe
    references: tuple[str, ...]


def _pull_missing(plan: Plan, engine: docker.APIClient, progress: Progress) -> None:
    for reference in sorted({service.image for service in plan.services if service.build is None}):
        if image_id(engine, reference) is None:
            pull(engine, reference, progress)


def _runtime(engine: docker.APIClient, progress: Progress, *, no_rebuild: bool) -> Runtime:
    if not no_rebuild:
        return ensure_runtime(engine, progress)
    runtime = find_runtime(engine)
    if runtime is None:
        raise _not_built(["containerflow/runtime"])
    return runtime


def _references(
    plan: Plan, ingredients: Mapping[str, Ingredients], runtime: Runtime
) -> tuple[dict[str, str], list[_Group]]:
    """The image of each service by name, and those among them that are to be built."""
    references: dict[str, str] = {}
    by_tag: dict[str, _Group] = {}
    for service in plan.services:
        parts = ingredients.get(service.name)
        if parts is None:
            continue
        if parts.is_empty:
            references[service.name] = runtime.reference
            continue
        recipe = executor_recipe(parts, _repository(plan, service), runtime)
        reference = references[service.name] = recipe.reference
        tag = reference.rpartition(":")[2]
        known = by_tag.get(tag, _Group(recipe, ()))
        by_tag[tag] = replace(known, references=(*known.references, reference))
    return references, list(by_tag.values())


def _repository(plan: Plan, service: Service) -> str:
    """The image's name without a tag; a runtime image that owns more has a name of its own."""
    assert service.build is not None
    if service.build.kind == "runtime":
        return f"containerflow/{plan.name}-{service.name}"
    return service.image


def _provide_all(
    groups: Sequence[_Group], engine: docker.APIClient, progress: Progress, *, rebuild: bool
) -> None:
    """Have every reference of every group name its content, and what those stand on."""
    present = {
        reference
        for group in groups
        for reference in group.references
        if not rebuild and image_id(engine, reference) is not None
    }
    below: dict[str, _Group] = {}
    for group in groups:
        recipe = group.recipe.below
        if recipe is not None and present.isdisjoint(group.references):
            reference = recipe.reference
            if rebuild or image_id(engine, reference) is None:
                below[reference] = _Group(recipe, (reference,))
    for level in (list(below.values()), groups):
        _in_parallel(
            [
                partial(_provide, group, engine, progress, present=present, rebuild=rebuild)
                for group in level
            ]
        )


def _provide(
    group: _Group,
    engine: docker.APIClient,
    progress: Progress,
    stop: Event,
    *,
    present: AbstractSet[str],
    rebuild: bool,
) -> None:
    """Have every reference of a group name its content, given those that already do."""
    here = tuple(reference for reference in group.references if reference in present)
    if not here:
        here = group.references[:1]
        build(group.recipe, here[0], engine, progress, fresh=rebuild, stop=stop)
    for reference in group.references:
        if reference not in here:
            repository, tag = reference.rsplit(":", 1)
            with engine_errors(f"naming the image {reference}"):
                engine.tag(here[0], repository, tag)


def _in_parallel(work: Sequence[Callable[[Event], None]]) -> None:
    """Do all of it, a few at a time; the first error stops the rest and is raised."""
    stop = Event()
    if len(work) == 1:
        work[0](stop)
        return
    pending: SimpleQueue[Callable[[Event], None]] = SimpleQueue()
    outcomes: SimpleQueue[BaseException | None] = SimpleQueue()
    for job in work:
        pending.put(job)

    def labour() -> None:
        while not stop.is_set():
            try:
                job = pending.get_nowait()
            except Empty:
                return
            try:
                job(stop)
            except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
                outcomes.put(error)
            else:
                outcomes.put(None)

    # Nobody waits for these threads when something goes wrong: one that reads from a build which
    # says nothing cannot be woken, and the engine breaks the build off when the process ends.
    for number in range(min(_AT_ONCE, len(work))):
        Thread(target=labour, name=f"build-{number}", daemon=True).start()
    try:
        for _ in work:
            error = outcomes.get()
            if error is not None:
                raise error
    finally:
        stop.set()


def _not_built(references: Sequence[str]) -> ImageNotFoundError:
    return ImageNotFoundError(
        f"Not built yet, and building is switched off: {', '.join(references)}.",
        remedy="Run `cflow build`, or start without `no_rebuild`.",
    )
