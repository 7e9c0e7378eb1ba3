"""The class that users derive their Executors from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, TypeVar

__all__ = ["Executor", "Place", "instantiate"]

E = TypeVar("E", bound="Executor")


@dataclass(frozen=True, slots=True)
class Place:
    """What an Executor is told of its place in the Flow.

    Attributes:
        name: Its name in the Flow.
        workspace: Directory that workspaces lie under; empty for a temporary one.
        shard_id: Which shard it is, from 0.
        shards: How many shards there are.
        replicas: How many replicas of each shard there are.
        metas: `metas` of its configuration.
        runtime_args: More for `self.runtime_args`.
    """

    name: str
    workspace: str = ""
    shard_id: int = 0
    shards: int = 1
    replicas: int = 1
    metas: Mapping[str, Any] = field(default_factory=dict)
    runtime_args: Mapping[str, Any] = field(default_factory=dict)


class Executor:
    """Base class of Executors: methods marked with `@requests` serve a Flow's endpoints.

    The attributes below are there before `__init__` runs, and whether or not it calls
    `super().__init__()`. An instance made by hand, in a unit test say, has them too.

    One worker thread runs `__init__`, the sync handlers and a sync `close()`; async ones run on
    the event loop.

    Attributes:
        name: The Executor's name in the Flow.
        logger: Logger of the standard library; its records carry the request's id.
        metas: Namespace of `metas`: at least `name`, `description` and `workspace`.
        runtime_args: Namespace of the place in the Flow: `name`, `shard_id`, `shards`,
            `replicas`, `workspace`.

    Example:
        >>> class Greeter(Executor):
        ...     def __init__(self, greeting="hello", **kwargs):
        ...         self.greeting = greeting
        >>> Greeter(greeting="good day").name
        'Greeter'
    """

    name: str
    logger: logging.Logger
    metas: SimpleNamespace
    runtime_args: SimpleNamespace

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: ARG004
        """Give the instance its place; one made by hand stands alone."""
        instance = super().__new__(cls)
        _settle(instance, Place(name=cls.__name__))
        return instance

    def __init__(self, **kwargs: Any) -> None:
        """Take whatever `with` says; subclasses define their own arguments freely."""

    @cached_property
    def workspace(self) -> str:
        """A directory of this Executor's and shard's own, made at its first use."""
        import tempfile  # seldom needed, and not cheap

        base = self.runtime_args.workspace or tempfile.mkdtemp(prefix="containerflow-")
        path = Path(base, self.name, str(self.runtime_args.shard_id))
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def close(self) -> Any:
        """Called at the end, after the last request; override it, as `def` or `async def`."""


def instantiate(cls: type[E], place: Place, arguments: Mapping[str, Any]) -> E:
    """Make an Executor that knows its place when its `__init__` begins.

    Args:
        cls: The Executor class.
        place: Its place in the Flow.
        arguments: Keyword arguments of its `__init__`.

    Raises:
        Exception: Whatever its `__init__` raises.
    """
    instance = cls.__new__(cls, **arguments)
    _settle(instance, place)
    # As `cls(**arguments)` would, with the place between the two halves.
    type(instance).__init__(instance, **arguments)
    return instance


def _settle(executor: Executor, place: Place) -> None:
    executor.name = place.name
    executor.logger = logging.getLogger(f"executor.{place.name}")
    executor.metas = SimpleNamespace(
        **{"name": place.name, "description": "", "workspace": place.workspace, **place.metas}
    )
    executor.runtime_args = SimpleNamespace(
        **{
            **place.runtime_args,
            "name": place.name,
            "shard_id": place.shard_id,
            "shards": place.shards,
            "replicas": place.replicas,
            "workspace": place.workspace,
        }
    )
