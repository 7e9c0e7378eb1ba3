"""A container-first runtime for service graphs.

::

    from containerflow import Document, Executor, Flow, requests

Names are imported when they are first used, so that an Executor's process, or `cflow --help`,
pays for nothing but what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from containerflow._version import __version__

if TYPE_CHECKING:
    from containerflow.api.flow import Flow
    from containerflow.client import AsyncClient, Client
    from containerflow.errors import Code, ContainerflowError, RequestError
    from containerflow.runtime.executor import Executor, requests
    from containerflow.wire.documents import Document, NDArray

__all__ = [
    "AsyncClient",
    "Client",
    "Code",
    "ContainerflowError",
    "Document",
    "Executor",
    "Flow",
    "NDArray",
    "RequestError",
    "__version__",
    "requests",
]

_HOMES = {
    "AsyncClient": "client",
    "Client": "client",
    "Code": "errors",
    "ContainerflowError": "errors",
    "Document": "wire.documents",
    "Executor": "runtime.executor",
    "Flow": "api.flow",
    "NDArray": "wire.documents",
    "RequestError": "errors",
    "requests": "runtime.executor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    # The next look finds it without asking here.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
