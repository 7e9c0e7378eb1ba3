"""One run of a Flow, from the first image to the last container."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from containerflow.api.interrupts import Flag, Interrupts
from containerflow.errors import ContainerflowError, EngineUnavailableError, StartError

if TYPE_CHECKING:
    from docker import APIClient

    from containerflow.client import Client
    from containerflow.flow.spec import FlowSpec
    from containerflow.targets.docker import Address, Deployment

__all__ = ["Running", "StopEvent"]

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05


class StopEvent(Protocol):
    """An event of threading, multiprocessing or asyncio."""

    def is_set(self) -> bool:
        """Whether it has happened."""


class Running:
    """A Flow that is being started, runs, or is being stopped.

    Made in the thread that starts it, whose signals it takes over if that is the main one.

    Args:
        spec: What to run.
        root: The Flow's directory.
        texts: Sources of modules that are in no file, by name.

    Attributes:
        is_over: Whether it has been stopped, with nothing left to remove.
    """

    def __init__(self, spec: FlowSpec, root: Path, texts: Mapping[str, str]) -> None:
        self._spec = spec
        self._root = root
        self._texts = texts
        self._engine: APIClient | None = None
        self._deployment: Deployment | None = None
        self._client: Client | None = None
        # A handler of signals may post while its own thread does.
        self._client_lock = threading.RLock()
        self._interrupts = Interrupts()
        self._cancelled = Flag()
        self._closed = Flag()
        self._process = os.getpid()
        self.is_over = False
        self._interrupts.install()

    @property
    def is_up(self) -> bool:
        """Whether all of it has been started and has been ready, and has not been stopped."""
        return self._deployment is not None and not self.is_over

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where the Gateway is reached."""
        assert self._deployment is not None
        return self._deployment.addresses

    @property
    def client(self) -> Client:
        """A client of the Gateway's first door, kept until the Flow is closed.

        Raises:
            StartError: The Flow has been stopped meanwhile.
        """
        from containerflow.client import Client

        with self._client_lock:
            if self.is_over:
                raise StartError(
                    f"Flow {self._spec.name} has been stopped, so it has no `client`.",
                    remedy="Start it again: `with flow: ...`, or `flow.start()`.",
                )
            if self._client is None:
                first = self.addresses[0]
                self._client = Client(host=first.host, port=first.port, protocol=first.protocol)
            return self._client

    def launch(self) -> None:
        """Build what must be built, start the containers, and wait until they are ready.

        Raises:
            ContainerflowError: The Flow did not come up; nothing of it is left behind.
            KeyboardInterrupt: The start was interrupted; nothing of it is left behind.
        """
        atexit.register(self._close_at_exit)
        try:
            self._launch()
        except BaseException:
            self.close()
            raise

    def cancel(self) -> None:
        """Have a launch in another thread end with KeyboardInterrupt, as soon as it can."""
        self._cancelled.set()

    def block(self, stop_event: StopEvent | None) -> None:
        """Wait until the Flow is to stop; see `Flow.block`."""
        assert self._deployment is not None
        stop = Flag()
        with self._interrupts.blocking(stop):
            while not self._closed.is_set():
                if stop.is_set() or (stop_event is not None and stop_event.is_set()):
                    return
                if self._deployment.failure is not None:
                    raise self._deployment.failure
                if not threading.main_thread().is_alive():
                    # The program is over but for this thread, which would hold up its end.
                    return
                # No waiting on an event: a handler that closes the Flow sets it within this thread.
                time.sleep(_LOOK_SECONDS)

    def close(self) -> None:
        """Stop and remove the containers; see `Flow.close`."""
        hurry = Flag()
        try:
            with self._interrupts.closing(hurry):
                if self._deployment is not None:
                    self._deployment.close(hurry=hurry)
                # Not before: the Gateway answers what this client has asked while it drains.
                self._close_client()
                if self._engine is not None:
                    self._engine.close()
        finally:
            self._closed.set()
            if self.is_over:
                # Otherwise the end of the program tries once more, and signals are still put off.
                self._interrupts.restore()
                atexit.unregister(self._close_at_exit)

    def _close_client(self) -> None:
        with self._client_lock:
            self.is_over = True
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _launch(self) -> None:
        try:
            from containerflow.engine.connection import connect
            from containerflow.images.prepare import prepare
            from containerflow.images.sources import Sources
            from containerflow.plan.lower import lower
            from containerflow.targets.docker import up
            from containerflow.terminal import terminal_progress
        except ModuleNotFoundError as error:
            raise EngineUnavailableError(
                f"A Flow cannot be started here: there is no {error.name}.",
                remedy="Inside a container of containerflow only Executors run. Start Flows where "
                "the whole package is installed, and leave starting out of an Executor's module.",
            ) from error

        quiet = bool(self._spec.quiet)
        progress = terminal_progress(quiet=quiet)
        plan = lower(self._spec)
        self._engine = engine = connect()
        sources = Sources(root=self._root, texts=self._texts)
        plan = prepare(plan, sources, engine, progress)
        with self._interrupts.starting(self._cancelled):
            self._deployment = up(
                plan, engine, progress, root=self._root, cancelled=self._cancelled
            )
        if not quiet:
            from containerflow.api.panel import show_panel

            show_panel(self._spec, self.addresses)

    def _close_at_exit(self) -> None:
        if os.getpid() != self._process:
            # A fork of the process that started the Flow ends; the Flow is not its own.
            return
        try:
            try:
                self.close()
            except (KeyboardInterrupt, SystemExit):
                # Between two phases; the next one puts it off.
                if not self.is_over:
                    self.close()
                raise
        except ContainerflowError as error:
            logger.warning("The Flow could not be stopped: %s", error)
