"""Every exception that containerflow raises, in one tree.

::

    ContainerflowError
    ├── DefinitionError            the Flow as declared cannot be
    │   ├── YamlError              not YAML, or not a Flow (carries line and column)
    │   ├── UnknownKeyError        a key that no one reads (carries the nearest known one)
    │   ├── UnknownNameError       `needs` names an Executor that is not there
    │   ├── DuplicateNameError     two Executors of one name
    │   ├── CycleError             `needs` goes round in a circle
    │   └── VariableError          ${{ ENV.X }} or ${{ CONTEXT.x }} with no value
    ├── PlanError                  the Flow cannot be lowered to a Plan
    ├── ImageError                 an image cannot be had
    │   ├── SourceError            the Executor's source is missing or unusable
    │   ├── ImageNotFoundError     neither the engine nor a registry has it
    │   └── BuildError             a build step failed (carries its last lines)
    ├── EngineError                the container engine refused or failed
    │   ├── EngineUnavailableError no engine answers, or it stopped answering
    │   └── PortInUseError         another process holds a published port
    ├── StartError                 a Flow did not come up; nothing of it is left behind
    │   ├── AlreadyRunningError    a Flow of that name is up
    │   ├── ExitedError            a container ended before it was ready (carries its log)
    │   └── ReadyTimeoutError      a container was not ready within timeout_ready (its log)
    ├── ExportError                a target cannot say what the Plan says
    ├── ExecutorError              an Executor class is unusable
    └── RequestError               a request failed (carries code, executor, request_id)

Each message says what happened, where, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

__all__ = [
    "AlreadyRunningError",
    "BuildError",
    "Code",
    "ContainerflowError",
    "CycleError",
    "DefinitionError",
    "DuplicateNameError",
    "EngineError",
    "EngineUnavailableError",
    "ExecutorError",
    "ExitedError",
    "ExportError",
    "ImageError",
    "ImageNotFoundError",
    "PlanError",
    "PortInUseError",
    "ReadyTimeoutError",
    "RequestError",
    "SourceError",
    "StartError",
    "UnknownKeyError",
    "UnknownNameError",
    "VariableError",
    "YamlError",
]


class ContainerflowError(Exception):
    """Anything that containerflow raises on purpose.

    Args:
        message: What happened and where, one sentence.
        remedy: What the reader can do about it, one sentence; may be empty.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class DefinitionError(ContainerflowError):
    """The Flow as declared cannot be."""


class YamlError(DefinitionError):
    """The text is not YAML, or not a Flow.

    Args:
        message: What is wrong.
        source: The file, or a word for text that has none.
        line: Line of the fault, counted from 1; 0 where it is not known.
        column: Column of the fault, counted from 1; 0 where it is not known.
        remedy: What to do.
    """

    def __init__(
        self, message: str, *, source: str = "", line: int = 0, column: int = 0, remedy: str = ""
    ) -> None:
        place = ":".join(str(part) for part in (source, line, column) if part)
        super().__init__(f"{place}: {message}" if place else message, remedy=remedy)
        self.source = source
        self.line = line
        self.column = column


class UnknownKeyError(YamlError):
    """A key that no one reads; `nearest` is the known key most like it, or empty."""

    def __init__(
        self,
        message: str,
        *,
        nearest: str = "",
        source: str = "",
        line: int = 0,
        column: int = 0,
        remedy: str = "",
    ) -> None:
        super().__init__(message, source=source, line=line, column=column, remedy=remedy)
        self.nearest = nearest


class UnknownNameError(DefinitionError):
    """`needs` names an Executor that is not there."""


class DuplicateNameError(DefinitionError):
    """Two Executors of one name."""


class CycleError(DefinitionError):
    """`needs` goes round in a circle."""


class VariableError(YamlError):
    """A variable in the YAML has no value."""


class PlanError(ContainerflowError):
    """The Flow cannot be lowered to a Plan."""


class ImageError(ContainerflowError):
    """An image cannot be had."""


class SourceError(ImageError):
    """The Executor's source is missing or unusable."""


class ImageNotFoundError(ImageError):
    """Neither the engine nor a registry has the image."""


class BuildError(ImageError):
    """A build step failed.

    Args:
        message: Which image, which step.
        log: The last lines that the build printed.
        remedy: What to do.
    """

    def __init__(self, message: str, *, log: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.log = log

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.log}".rstrip()


class EngineError(ContainerflowError):
    """The container engine refused or failed."""


class EngineUnavailableError(EngineError):
    """No engine answers, or it stopped answering."""


class PortInUseError(EngineError):
    """Another process holds a port that the Flow publishes."""


class StartError(ContainerflowError):
    """A Flow did not come up; nothing of it is left behind."""


class AlreadyRunningError(StartError):
    """A Flow of that name is up."""


class ExitedError(StartError):
    """A container ended before it was ready.

    Args:
        message: Which container, and its exit code.
        log: The last lines that the container printed.
        remedy: What to do.
    """

    def __init__(self, message: str, *, log: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.log = log

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.log}".rstrip()


class ReadyTimeoutError(StartError):
    """A container was not ready within timeout_ready.

    Args:
        message: Which Executors, and for how long they were waited for.
        log: The last lines that they printed.
        remedy: What to do.
    """

    def __init__(self, message: str, *, log: str = "", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.log = log

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.log}".rstrip()


class ExportError(ContainerflowError):
    """A target cannot say what the Plan says."""


class ExecutorError(ContainerflowError):
    """An Executor class is unusable: it cannot be found, imported or served."""


class Code(Enum):
    """Why a request failed; the value is the HTTP status that says the same.

    The names are those of `Code` in the wire contract, without its prefix.
    """

    OK = 200
    MALFORMED = 400
    NOT_FOUND = 404
    TOO_LARGE = 413
    INVALID = 422
    CANCELLED = 499
    FAILED = 500
    UNAVAILABLE = 502
    OVERLOADED = 503
    DEADLINE_EXCEEDED = 504


class RequestError(ContainerflowError):
    """A request failed.

    Args:
        message: What happened and what to do.
        code: Why, as a value that code can branch on.
        executor: The Executor that failed; empty where it was the Gateway.
        request_id: The request's id, as it stands in the logs of every container it touched.
        exception: The type name of the handler's exception; empty where none was raised.
        detail: One mapping a fault of an invalid body: `loc`, `msg`, `type`.

    Example:
        >>> error = RequestError("no such endpoint", code=Code.NOT_FOUND)
        >>> error.code.value
        404
    """

    def __init__(
        self,
        message: str,
        *,
        code: Code,
        executor: str = "",
        request_id: str = "",
        exception: str = "",
        detail: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.executor = executor
        self.request_id = request_id
        self.exception = exception
        self.detail = tuple(detail)
