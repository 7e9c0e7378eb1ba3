"""The Flow that a command line means: the file, and what its options change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from containerflow.flow.yaml import load_with_root
from containerflow.plan.lower import lower

if TYPE_CHECKING:
    from docker import APIClient

    from containerflow.flow.spec import FlowSpec
    from containerflow.plan.model import Plan
    from containerflow.progress import Progress

__all__ = ["Declared", "declare", "provide_images"]


@dataclass(frozen=True, slots=True)
class Declared:
    """A Flow, its directory and its Plan.

    Attributes:
        spec: The Flow.
        root: The directory that its relative paths count from.
        plan: What would run; images without tags.
    """

    spec: FlowSpec
    root: Path
    plan: Plan


def declare(
    source: str,
    context: Mapping[str, str],
    *,
    name: str | None = None,
    ports: tuple[int, ...] = (),
    quiet: bool = False,
) -> Declared:
    """Read a Flow's file and apply options to it.

    Args:
        source: Path or URL of the file.
        context: What `${{ CONTEXT.x }}` stands for.
        name: Replaces the Flow's name.
        ports: Replace the Gateway's published ports.
        quiet: Show no progress and no panel.

    Raises:
        DefinitionError: The Flow as declared cannot be.
        PlanError: It asks for something that cannot be run.
    """
    spec, root = load_with_root(source, context=context)
    if name is not None:
        spec = spec.changed(name=name)
    if ports:
        spec = spec.changed(gateway=spec.gateway.changed(port=ports))
    if quiet:
        spec = spec.changed(quiet=True)
    return Declared(spec, root, lower(spec))


def provide_images(
    declared: Declared, engine: APIClient, progress: Progress, images: str = "changed"
) -> Plan:
    """Build or pull what the Flow needs.

    Args:
        declared: The Flow.
        engine: The engine that is to have the images.
        progress: Told of all work that takes long.
        images: Which to build: `changed`, `all` or `none`.

    Returns:
        The Plan, its images with tags.

    Raises:
        ImageError: An image cannot be had.
    """
    from containerflow.images.prepare import Sources, prepare

    return prepare(
        declared.plan,
        Sources(root=declared.root, texts={}),
        engine,
        progress,
        rebuild=images == "all",
        no_rebuild=images == "none",
    )
