"""Who holds a TCP port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from containerflow.engine.failures import engine_errors
from containerflow.plan.model import FLOW_LABEL
from containerflow.targets.docker.addresses import engine_host

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["port_holder"]

_LISTENING = "0A"


def port_holder(engine: APIClient, port: int) -> str:
    """Say who holds a port that the engine could not publish.

    Args:
        engine: The connection to the engine.
        port: The port on the engine's host.

    Returns:
        "container x of Flow y", "process 123 (nginx)"; empty where it cannot be known.

    Raises:
        EngineUnavailableError: The engine does not answer.
    """
    with engine_errors(f"looking for what holds port {port}"):
        running = engine.containers()
    for entry in running:
        if any(one.get("PublicPort") == port for one in entry.get("Ports") or ()):
            name = entry["Names"][0].lstrip("/")
            flow = (entry.get("Labels") or {}).get(FLOW_LABEL)
            return f"container {name}" + (f" of Flow {flow}" if flow else "")
    if engine_host(engine):
        return ""
    return _process(port)


def _process(port: int) -> str:
    inodes = set(_listening_inodes(port))
    if not inodes:
        return ""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(_target(link) in wanted for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text().strip()
                return f"process {process.name} ({name})"
        except OSError:
            # It has ended meanwhile, or belongs to another user, whom we may not look at.
            continue
    return ""


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        # Closed since the directory was read.
        return ""


def _listening_inodes(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]
