"""What runs in an Executor's container, and the two names that its author needs."""

from __future__ import annotations

from containerflow.runtime.executor.base import Executor
from containerflow.runtime.executor.declaration import requests

__all__ = ["Executor", "requests"]
