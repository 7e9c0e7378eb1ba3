"""What a container gets where the Flow, the Gateway and the Executor each say something.

Levels are always given with the nearest first: the Executor or the Gateway, then the Flow.
"""

from __future__ import annotations

import math
from typing import TypeVar

from containerflow.errors import PlanError
from containerflow.flow.options import Options
from containerflow.flow.quantity import bytes_of
from containerflow.plan import defaults
from containerflow.wire.settings import SETTINGS_VARIABLE

Value = TypeVar("Value")


def nearest(option: str, default: Value, *levels: Options) -> Value:
    """The value of the first level that says one."""
    for level in levels:
        value: Value | None = getattr(level, option)
        if value is not None:
            return value
    return default


def log_level(*levels: Options) -> str:
    """The log level; on each level `log_level` wins over `quiet`."""
    for level in levels:
        if level.log_level is not None:
            return level.log_level
        if level.quiet is not None:
            return defaults.QUIET_LOG_LEVEL if level.quiet else defaults.LOG_LEVEL
    return defaults.LOG_LEVEL


def grace_seconds(*levels: Options) -> int:
    """Seconds between the polite and the impolite way to stop a container."""
    return math.ceil(nearest("timeout_ctrl", defaults.TIMEOUT_CTRL, *levels) / 1000)


def drain_seconds(*levels: Options) -> float:
    """Seconds that a stop waits for requests in flight, less than `grace_seconds`."""
    grace = grace_seconds(*levels)
    return round(grace - min(defaults.LONGEST_DRAIN_RESERVE_SECONDS, grace / 3), 3)


def environment(
    subject: str, settings: str, home: str, *levels: Options
) -> tuple[tuple[str, str], ...]:
    """Environment variables, sorted by name: those of all levels, the nearest value winning.

    Args:
        subject: Whose they are, for messages.
        settings: Text of CFLOW_SETTINGS.
        home: The home directory, which must be writable.
        levels: The nearest first.

    Raises:
        PlanError: A level has CFLOW_SETTINGS itself.
    """
    variables = {"HOME": home}
    for level in reversed(levels):
        if SETTINGS_VARIABLE in level.env:
            raise PlanError(
                f"{subject} has {SETTINGS_VARIABLE} in its `env`, which containerflow itself "
                "writes.",
                remedy="Leave it out, and set the options that it is made of.",
            )
        variables |= level.env
    variables[SETTINGS_VARIABLE] = settings
    return tuple(sorted(variables.items()))


def memory_bytes(subject: str, quantity: str | int) -> int:
    """A limit of memory in bytes, 0 for none.

    Raises:
        PlanError: No container starts with as little.
    """
    memory = bytes_of(quantity)
    if 0 < memory < defaults.LEAST_MEMORY_BYTES:
        raise PlanError(
            f"{subject} has `memory: {quantity}`, which is {memory:,} bytes; no container starts "
            f"with less than {defaults.LEAST_MEMORY_BYTES:,}.",
            remedy="Write a unit behind the number, such as 512M.",
        )
    return memory
