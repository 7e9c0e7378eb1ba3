"""The log of a process of the runtime: one line a record, to stderr.

::

    INFO 2025-01-31T12:00:00.123Z encoder 8d1f... the message
"""

from __future__ import annotations

import logging
import sys
import time
from contextvars import ContextVar

__all__ = ["configure", "current_request"]

current_request: ContextVar[str] = ContextVar("current_request", default="-")
"""Id of the request that the running code serves; each record says it."""


class _Formatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        lines = [
            f"{record.levelname} {clock}.{int(record.msecs):03d}Z {self._service}"
            f" {current_request.get()} {record.getMessage()}"
        ]
        if record.exc_info:
            lines.append(self.formatException(record.exc_info))
        if record.stack_info:
            lines.append(record.stack_info)
        return "\n".join(lines)


def configure(service: str, level: str) -> None:
    """Send the process's log to stderr; called once, by the process's entry.

    Args:
        service: Name that each line carries: the Executor's, or `gateway`.
        level: Name of a level of the standard library's logging, in any case.

    Raises:
        ValueError: There is no such level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # What libraries warn of stands in the log like everything else.
    logging.captureWarnings(True)
