"""Class Flow: declare a graph of Executors, start it, call it, stop it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from containerflow.api.served import Served

if TYPE_CHECKING:
    from containerflow.api.running import Running, StopEvent

__all__ = ["Flow"]


class Flow(Served):
    """A graph of Executors behind a Gateway, each in a container of its own.

    Options that are not listed are those of the YAML: every option of the Flow, and every option
    of the Gateway, may be given; `None` is "not given".

    Args:
        name: Name of the Flow; the names of its containers begin with it. Default `flow`. Two
            Flows that run at the same time need different names.
        protocol: `http`, `grpc`, or a list of them. Default `grpc`.
        port: Published port of each protocol; 0 is a free one. Default 8080 for HTTP, 50051 for
            gRPC.
        host: Address to publish on: 127.0.0.1 (the default) for this machine alone, 0.0.0.0 for
            all its networks.
        env: Environment variables of every container.
        workspace: Absolute path in the containers that `self.workspace` lies under.
        timeout_ready: How long a start waits for each Executor, in milliseconds; -1 is for ever.
            Default 600000.
        quiet: Print no panel and no progress, and have containers log errors only.
        **options: Further options of the Flow and the Gateway.

    Raises:
        UnknownKeyError: There is no such option.
        DefinitionError: An option cannot have that value.

    Example:
        >>> flow = Flow(name="search", protocol="http").add(name="encoder", uses="./encoder")
        >>> flow
        <Flow search: gateway (http) -> encoder, stopped>

        Start it, call it, stop it::

            with flow:
                flow.post("/encode", inputs=[{"text": "a"}])
    """

    def __init__(
        self,
        *,
        name: str | None = None,
        protocol: str | Sequence[str] | None = None,
        port: int | Sequence[int] | None = None,
        host: str | None = None,
        env: Mapping[str, str] | None = None,
        workspace: str | None = None,
        timeout_ready: int | None = None,
        quiet: bool | None = None,
        **options: Any,
    ) -> None:
        from containerflow.flow.validation import declare_flow

        given = {
            "name": name,
            "protocol": protocol,
            "port": port,
            "host": host,
            "env": env,
            "workspace": workspace,
            "timeout_ready": timeout_ready,
            "quiet": quiet,
            **options,
        }
        spec = declare_flow({key: value for key, value in given.items() if value is not None})
        super().__init__(spec, Path.cwd(), {})
        # Held during start and close, which may be called from several threads.
        self._lock = threading.RLock()

    @classmethod
    def load_config(cls, source: Any, *, context: Mapping[str, Any] | None = None) -> Self:
        """Read a Flow from YAML.

        Args:
            source: A path, an http or https URL, YAML or JSON text, a mapping, or an open stream.
            context: What `${{ CONTEXT.x }}` and `${{ x }}` stand for.

        Returns:
            The Flow. Relative paths in it count from the directory of its file.

        Raises:
            YamlError: It is not YAML, or not a Flow; with line and column.
            UnknownKeyError: A key that no one reads, with the nearest known one.
            VariableError: A variable without a value.
            DefinitionError: The graph cannot be.

        Example:
            >>> Flow.load_config("{jtype: Flow, with: {name: search, protocol: http}}")
            <Flow search: gateway (http), stopped>
        """
        from containerflow.flow.yaml import load_with_root

        spec, root = load_with_root(source, context=context)
        flow = cls()
        flow._spec = spec
        flow._root = root
        return flow

    def save_config(self, path: str | os.PathLike[str]) -> None:
        """Write the Flow as YAML, such that `load_config` reads an equal one.

        Relative paths stay as they are; where they lead nowhere from the file's directory, a
        warning says so.

        Args:
            path: The file; it is overwritten.

        Raises:
            DefinitionError: An Executor's class is in no file that YAML could name.
        """
        from containerflow.flow.yaml import dump

        self._refuse_texts()
        target = Path(path)
        target.write_text(dump(self._spec), encoding="utf-8")
        lost = self._paths_missing_in(target.absolute().parent)
        if lost:
            warnings.warn(
                f"{target} names {', '.join(lost)}, which is in {self._root} and not beside it. "
                "Save the Flow there, or move the files.",
                stacklevel=2,
            )

    def start(self) -> Self:
        """Build what has changed, start all containers, and wait until the Flow is ready.

        A Flow that runs already is left as it is.

        Returns:
            The Flow itself.

        Raises:
            ContainerflowError: It did not come up; nothing of it is left behind. See
                `containerflow.errors` for which error says what.
        """
        with self._lock:
            if self._running is None:
                self._launch(self._prepare())
        return self

    def close(self) -> None:
        """Stop the Flow and remove its containers and its network. Named volumes stay.

        The Gateway first answers what it has. A Flow that does not run is left as it is. An
        interrupt while it stops is raised once it has stopped; a second one kills what is left.

        Raises:
            EngineError: Something could not be removed; a later call tries again.
        """
        with self._lock:
            if self._running is None:
                return
            try:
                self._running.close()
            finally:
                if self._running.is_over:
                    self._running = None

    def block(self, stop_event: StopEvent | None = None) -> None:
        """Wait while the Flow serves.

        Returns after an interrupt, SIGTERM or SIGHUP, once `stop_event` is set, and once `close`
        was called elsewhere; the end of `with` or a call of `close` then stops the Flow. A
        container that ends is logged, and the engine starts it again.

        Args:
            stop_event: An event of `threading`, `multiprocessing` or `asyncio`.

        Raises:
            StartError: The Flow is not running.
            ExitedError: A container is gone for good.

        Example:
            ::

                with Flow().add(uses="./encoder") as flow:
                    flow.block()
        """
        running = self._running_now("block")
        try:
            running.block(stop_event)
        except KeyboardInterrupt:
            # Where the program has a handler of its own, the interrupt comes as this.
            return

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        import asyncio

        if self._running is None:
            # Made in this thread, because only the main one can take over signals.
            running = self._prepare()
            launch = asyncio.get_running_loop().run_in_executor(None, self._launch, running)
            try:
                await asyncio.shield(launch)
            except asyncio.CancelledError:
                running.cancel()
                await asyncio.wait([launch])
                if not launch.cancelled() and launch.exception() is None:
                    await asyncio.to_thread(self.close)
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        import asyncio

        closing = asyncio.get_running_loop().run_in_executor(None, self.close)
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            # A second cancellation must not leave containers behind.
            await asyncio.wait([closing])
            raise

    def __copy__(self) -> Self:
        flow = object.__new__(type(self))
        # Another Flow of the same declaration: it does not run because this one does.
        flow.__dict__.update(self.__dict__, _running=None, _lock=threading.RLock())
        return flow

    def __repr__(self) -> str:
        state = "stopped"
        if self._running is not None:
            state = f"at {self.address}" if self._running.is_up else "starting"
        return f"<Flow {self._spec.name}: {self._graph()}, {state}>"

    def _prepare(self) -> Running:
        from containerflow.api.running import Running

        return Running(self._spec, self._root, self._texts)

    def _launch(self, running: Running) -> None:
        with self._lock:
            try:
                # Known from now on, so that whatever happens next, `close` finds it.
                self._running = running
                running.launch()
            except BaseException:
                self._running = None
                raise
