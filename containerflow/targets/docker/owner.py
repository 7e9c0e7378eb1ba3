"""Who started a Flow, as a label by which any later process can tell whether that one lives."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, Self

__all__ = ["Owner"]

_DETACHED = "detached"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process on a machine, or nobody (`cflow up`), whose containers stay until told to go.

    Attributes:
        machine: Digest that names the machine; empty where it has no identity of its own.
        boot: Which boot of the machine; empty where the system does not say.
        namespace: PID namespace: ids of processes mean nothing outside it.
        pid: The process's id; 0 for nobody.
        started: When the process started, so that a reused id is not taken for it.

    Example:
        >>> Owner.current().state
        'alive'
        >>> Owner.detached().label
        'detached'
    """

    machine: str = ""
    boot: str = ""
    namespace: str = ""
    pid: int = 0
    started: str = ""

    @classmethod
    def current(cls) -> Self:
        """The process that asks."""
        pid = os.getpid()
        return cls(_machine(), _boot(), _namespace(), pid, _started(pid))

    @classmethod
    def detached(cls) -> Self:
        """Nobody: the Flow stays up until it is taken down by name, and is never swept."""
        return cls()

    @classmethod
    def parse(cls, label: str) -> Self | None:
        """Read a label's text; None where another version of this program wrote it.

        Example:
            >>> Owner.parse(Owner.current().label) == Owner.current()
            True
            >>> Owner.parse("something else") is None
            True
        """
        if label == _DETACHED:
            return cls()
        parts = label.split("/")
        if len(parts) != 6 or parts[0] != "process" or not parts[4].isdigit():
            return None
        return cls(parts[1], parts[2], parts[3], int(parts[4]), parts[5])

    @property
    def label(self) -> str:
        """The text that stands in the label."""
        if self.is_detached:
            return _DETACHED
        fields = (self.machine, self.boot, self.namespace, str(self.pid), self.started)
        return "/".join(("process", *fields))

    @property
    def is_detached(self) -> bool:
        """Whether it is nobody."""
        return self.pid == 0

    @property
    def state(self) -> Literal["alive", "dead", "unknown"]:
        """Whether the process lives; unknown for one of another machine or PID namespace.

        Only what is surely dead is ever swept, so every doubt answers `unknown`.
        """
        if self.is_detached:
            return "alive"
        if self.boot != _boot():
            same_machine = bool(self.machine) and self.machine == _machine()
            return "dead" if same_machine else "unknown"
        if not self.boot and self.machine != _machine():
            return "unknown"
        if self.namespace != _namespace():
            return "unknown"
        return "alive" if _started(self.pid) == self.started else "dead"

    def __str__(self) -> str:
        if self.is_detached:
            return "nobody (started with `cflow up`)"
        where = "" if self.state != "unknown" else " of another machine or container"
        return f"process {self.pid}{where}"


@cache
def _machine() -> str:
    """Machine id and host name together: cloned machines often share the one or the other."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        if path.is_file():
            identity = path.read_text().strip()
            break
    else:
        identity = platform.node() if platform.system() != "Linux" else ""
    if not identity:
        return ""
    return hashlib.sha256(f"{identity} {platform.node()}".encode()).hexdigest()[:16]


@cache
def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.is_file() else ""


def _namespace() -> str:
    try:
        link = os.readlink("/proc/self/ns/pid")
    except OSError:
        # Systems without PID namespaces have one space of ids.
        return ""
    return link.removeprefix("pid:[").removesuffix("]")


def _started(pid: int) -> str:
    """When a process started, in the system's own terms; empty where there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The second field is the program's name in brackets, and may hold anything.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        # A process that has ended and waits for its parent to notice is no owner any more.
        return "" if fields[0] in "ZX" else fields[19]
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "-".join(answer.stdout.split())
