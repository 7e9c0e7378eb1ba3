"""An Executor's process, from its start to its last answer."""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import os
import time
from pathlib import Path
from typing import Any

from containerflow.runtime.admin import AdminServer, Readiness, serve_admin
from containerflow.runtime.executor.base import Executor, instantiate
from containerflow.runtime.executor.catalogue import Catalogue, catalogue_of, pass_through
from containerflow.runtime.executor.grpc_port import GrpcPort, open_grpc_port
from containerflow.runtime.executor.lane_door import LaneDoor
from containerflow.runtime.executor.loading import load
from containerflow.runtime.executor.service import Service
from containerflow.runtime.executor.workers import Workers
from containerflow.runtime.metrics import RequestMetrics
from containerflow.wire.settings import SOURCE_DIRECTORY, ExecutorSettings

__all__ = ["ExecutorServer"]

_logger = logging.getLogger(__name__)

_MAX_THREADS = 32
"""Most threads of an Executor that lets its sync handlers run at once."""

_LULL_SECONDS = 0.3
"""How long a draining Executor goes on refusing calls over gRPC before gRPC itself stops."""

_CLOSE_SECONDS = 5.0
"""How long the user's `close()` may take, at least."""


class ExecutorServer:
    """One replica: its doors, its admin port, and the user's Executor.

    Args:
        settings: Its place in the Flow; a port of 0 takes a free one.
        source: The Executor's folder.
        host: Address that the ports are opened on.

    Attributes:
        lane_port: Port of the lane, once `open` has returned.
        grpc_port: Port of gRPC, once `make_ready` has returned.
        admin_port: Port of `/livez`, `/readyz` and `/metrics`, once `open` has returned.

    Example:
        ::

            server = ExecutorServer(settings)
            await server.open()
            await server.make_ready()
            ...
            await server.close()
    """

    def __init__(
        self,
        settings: ExecutorSettings,
        source: Path = Path(SOURCE_DIRECTORY),
        *,
        host: str = "0.0.0.0",
    ) -> None:
        self.lane_port = settings.lane_port
        self.grpc_port = settings.grpc_port
        self.admin_port = settings.admin_port
        self._settings = settings
        self._source = source
        self._host = host
        self._metrics = RequestMetrics("containerflow_executor")
        self._workers = Workers(_threads() if settings.allow_concurrent else 1)
        self._lanes = LaneDoor()
        self._admin: AdminServer | None = None
        self._grpc: GrpcPort | None = None
        self._service: Service | None = None
        self._executor: Executor | None = None

    def readiness(self) -> Readiness:
        """Whether requests are answered now."""
        service = self._service
        answering = service is not None and not service.is_draining and self._workers.are_alive
        return Readiness(answering, {"executor": self._settings.name})

    async def open(self) -> None:
        """Open the admin port and the lane's: alive, and not ready yet.

        Raises:
            OSError: A port cannot be had.
        """
        self._admin = await serve_admin(
            self.admin_port, self.readiness, registry=self._metrics.registry, host=self._host
        )
        self.admin_port = self._admin.port
        self.lane_port = await self._lanes.open(self.lane_port, self._host)

    async def make_ready(self) -> None:
        """Load the user's Executor and open all doors.

        Raises:
            ExecutorError: There is no usable class.
            OSError: gRPC's port cannot be had.
            BaseException: Whatever the class's `__init__` raises.
        """
        settings = self._settings
        # In the thread that will run its handlers: what it makes may be bound to its thread
        # (SQLite's connections are), and probes are answered while a model loads.
        catalogue = await self._workers.call(self._load)
        service = Service(
            settings.name,
            catalogue,
            self._workers,
            self._metrics,
            max_pending=settings.max_pending,
        )
        # What was made so far stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        self._grpc = await open_grpc_port(service, settings.name, self.grpc_port, self._host)
        self.grpc_port = self._grpc.port
        self._service = service
        self._lanes.ready(service)

    async def close(self) -> None:
        """Finish what is pending within `drain_seconds`, close the user's Executor, hang up."""
        service = self._service
        idle = True
        deadline = time.monotonic() + self._settings.drain_seconds
        if service is not None:
            service.drain()
            self._lanes.drain()
            idle = await self._drained(service)
            await self._drain_grpc(deadline)
        self._lanes.close()
        await self._close_executor(idle=idle, deadline=deadline)
        self._workers.stop()
        if self._admin is not None:
            await self._admin.close()

    def _load(self) -> Catalogue:
        """In the worker thread."""
        loaded = load(self._settings, self._source)
        if loaded.cls is None:
            return pass_through(loaded.place.name)
        self._executor = instantiate(loaded.cls, loaded.place, loaded.arguments)
        return catalogue_of(self._executor, loaded.requests, name=self._settings.name)

    async def _drained(self, service: Service) -> bool:
        try:
            async with asyncio.timeout(self._settings.drain_seconds):
                await service.drained()
        except TimeoutError:
            _logger.warning(
                "%d requests were not finished within %.1f s; their answers are lost.",
                service.pending,
                self._settings.drain_seconds,
            )
            return False
        return True

    async def _drain_grpc(self, deadline: float) -> None:
        if self._grpc is None:
            return
        if self._grpc.is_started:
            # gRPC cuts calls off that come while it stops, and their callers cannot tell whether
            # they were begun. A refusal tells, and a lull gives each caller time to get one.
            await asyncio.sleep(_LULL_SECONDS)
        await self._grpc.drain(max(deadline - time.monotonic(), _LULL_SECONDS))

    async def _close_executor(self, *, idle: bool, deadline: float) -> None:
        if self._executor is None:
            return
        close = self._executor.close
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), _CLOSE_SECONDS)):
                if inspect.iscoroutinefunction(close):
                    await close()
                elif idle:
                    result: Any = await self._workers.call(close)
                    if inspect.isawaitable(result):
                        await result
                else:
                    # Its thread is stuck in a handler.
                    await asyncio.to_thread(close)
        except TimeoutError:
            _logger.warning("close() did not end in time.")
        except Exception:
            _logger.exception("close() raised.")


def _threads() -> int:
    return min(_MAX_THREADS, (os.cpu_count() or 1) + 4)
