"""From `volumes` to mounts: named volumes, directories of the host, and scratch memory.

A named volume `index` of the Flow `search` is the volume `search-index`; a volume that is only a
path belongs to its Executor: `/data` of the Executor `encoder` is `search-encoder-data`.
"""

from __future__ import annotations

import posixpath
import re

from containerflow.errors import PlanError
from containerflow.plan.defaults import (
    TEMPORARY_BYTES,
    TEMPORARY_DIRECTORY,
    WORKSPACE_BYTES,
)
from containerflow.plan.model import Mount, Scratch
from containerflow.plan.names import dns_label, joined_label
from containerflow.wire.settings import SOURCE_DIRECTORY

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAKEN = ("/", SOURCE_DIRECTORY, "/opt", TEMPORARY_DIRECTORY, "/etc", "/usr", "/bin", "/lib")
"""Mounting here would hide what the container needs."""
_CLOSED = ("/proc", "/sys", "/dev", "/opt/containerflow", "/opt/executor")
"""Nor may anything be mounted below these."""


class Volumes:
    """The mounts of one Flow's containers; one of them names each volume, and no other may.

    Args:
        flow: DNS label of the Flow.
    """

    def __init__(self, flow: str) -> None:
        self._flow = flow
        self._origins: dict[str, tuple[str, str]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The named volumes so far, sorted."""
        return tuple(sorted(self._origins))

    def mounts(self, executor: str, service: str, volumes: tuple[str, ...]) -> tuple[Mount, ...]:
        """What an Executor's `volumes` mount, in declared order.

        Args:
            executor: Its declared name.
            service: DNS label of its service.
            volumes: As declared.

        Raises:
            PlanError: One of them cannot be mounted.
        """
        mounts: list[Mount] = []
        for volume in volumes:
            mount = self._mount(executor, service, volume)
            if any(mount.target == other.target for other in mounts):
                raise _error(
                    executor,
                    f"mounts two volumes on `{mount.target}`.",
                    "Give one of them another path.",
                )
            mounts.append(mount)
        return tuple(mounts)

    def _mount(self, executor: str, service: str, volume: str) -> Mount:
        parts = volume.split(":")
        read_only = len(parts) > 1 and parts[-1] == "ro"
        if len(parts) > 1 and parts[-1] in ("ro", "rw"):
            parts.pop()
        if len(parts) > 2 or not all(parts):
            raise _error(
                executor,
                f"has the volume `{volume}`, which is not understood.",
                "Write `name:/path`, `./directory:/path` or `/path`, and `:ro` behind it to "
                "read only.",
            )
        target = _target(executor, volume, parts[-1])
        if len(parts) == 1:
            origin = (service, target)
            return Mount("volume", self._claim(executor, volume, origin), target, read_only)
        source = parts[0]
        if source.startswith("~"):
            raise _error(
                executor,
                f"has the volume `{volume}`, and whose home that is differs between machines.",
                "Write a path relative to the Flow's directory, or a whole one.",
            )
        if "/" in source or source in (".", ".."):
            return Mount("bind", posixpath.normpath(source), target, read_only)
        if not _NAME.fullmatch(source):
            raise _error(
                executor,
                f"has the volume `{volume}`, and {source!r} is no name for a volume.",
                "Use letters, digits, `_`, `-` and `.`.",
            )
        return Mount("volume", self._claim(executor, volume, ("", source)), target, read_only)

    def _claim(self, executor: str, volume: str, origin: tuple[str, str]) -> str:
        """The volume of a name, which means the same wherever the name stands."""
        parts = [self._flow, *(dns_label(part) for part in origin if part)]
        if not all(parts):
            raise _error(
                executor,
                f"has the volume `{volume}`, and no name for it can be made of that.",
                "Give it one: `name:/path`.",
            )
        name = joined_label(parts, f"The volume `{volume}` of Executor `{executor}`")
        if self._origins.setdefault(name, origin) != origin:
            raise _error(
                executor,
                f"has the volume `{volume}`, which would be the volume `{name}`; so would another "
                "one, written differently.",
                "Give it a name of its own.",
            )
        return name


def scratch(mounts: tuple[Mount, ...], workspace: str | None) -> tuple[Scratch, ...]:
    """Writable memory of a container: for temporary files, and a workspace without a volume.

    Args:
        mounts: Its volumes.
        workspace: Where the workspace is; None for a container without one.
    """
    temporary = Scratch(TEMPORARY_DIRECTORY, TEMPORARY_BYTES)
    if workspace is None or _is_below(workspace, TEMPORARY_DIRECTORY):
        return (temporary,)
    if any(_is_below(workspace, mount.target) for mount in mounts):
        return (temporary,)
    return (temporary, Scratch(workspace, WORKSPACE_BYTES))


def workspace_path(executor: str, workspace: str) -> str:
    """A workspace's path, checked.

    Raises:
        PlanError: It is not an absolute path that something may be mounted on.
    """
    if not workspace.startswith("/"):
        raise _error(
            executor,
            f"has the workspace `{workspace}`, and a workspace is an absolute path in the "
            "container.",
            f"To keep it on the host, leave `workspace` out and write `volumes: "
            f"./{posixpath.normpath(workspace)}:/workspace`.",
        )
    if _is_below(posixpath.normpath(workspace), TEMPORARY_DIRECTORY):
        return posixpath.normpath(workspace)
    return _target(executor, workspace, workspace)


def _target(executor: str, volume: str, path: str) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise _error(
            executor,
            f"has the volume `{volume}`, and `{path}` is not an absolute path in the container.",
            "Begin it with a slash, without `..`.",
        )
    # normpath keeps two leading slashes, as POSIX has it.
    target = "/" + posixpath.normpath(path).lstrip("/")
    if target in _TAKEN or any(_is_below(target, closed) for closed in _CLOSED):
        raise _error(
            executor,
            f"would mount `{volume}` on `{target}`, which the container needs as it is.",
            "Mount it elsewhere, say on /workspace or /data.",
        )
    return target


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _error(executor: str, message: str, remedy: str) -> PlanError:
    return PlanError(f"Executor `{executor}` {message}", remedy=remedy)
