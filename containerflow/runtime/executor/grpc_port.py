"""gRPC's port, open from the start, with gRPC behind it from the first connection on.

gRPC costs an Executor some 15 MB and ten threads, and most Executors only ever speak over their
lane. So a plain socket listens; when someone first connects, the gRPC server is started on a port
of the loopback interface, and bytes are passed on to it from then on. It cannot take over the
public port itself: connections that wait in the plain socket's queue would be lost.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from containerflow.runtime.executor.service import Service

if TYPE_CHECKING:
    from containerflow.runtime.executor.grpc_door import GrpcDoor

__all__ = ["GrpcPort", "open_grpc_port"]

_CHUNK_BYTES = 256 * 1024
_LAST_BYTES_SECONDS = 1.0
_LOOPBACK = "127.0.0.1"

_logger = logging.getLogger(__name__)


class GrpcPort:
    """The port; made by `open_grpc_port`."""

    def __init__(self, service: Service, name: str) -> None:
        self.port = 0
        self._service = service
        self._name = name
        self._server: asyncio.Server | None = None
        self._starting: asyncio.Task[GrpcDoor] | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def is_started(self) -> bool:
        """Whether someone has connected, so that gRPC runs."""
        return self._starting is not None

    async def listen(self, port: int, host: str) -> None:
        """Open the port.

        Raises:
            OSError: The port cannot be had.
        """
        self._server = await asyncio.start_server(self._connected, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def drain(self, seconds: float) -> None:
        """Take nothing new, finish what is in flight within `seconds`, and hang up."""
        if self._server is not None:
            self._server.close()
        if self._starting is not None:
            # If it did not start, that was said when it happened.
            with suppress(OSError):
                await (await self._starting).drain(seconds)
        if self._connections:
            # gRPC has hung up; its last bytes may still be on their way through here.
            await asyncio.wait(self._connections, timeout=_LAST_BYTES_SECONDS)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        task = asyncio.create_task(self._serve(self._starting, reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(
        self,
        starting: asyncio.Task[GrpcDoor],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            door = await asyncio.shield(starting)
            await _pass_on(reader, writer, door.port)
        except OSError as error:
            _logger.warning("A gRPC connection broke: %s", error)
        finally:
            writer.close()

    async def _start(self) -> GrpcDoor:
        # In a thread, because the import takes longer than many a request.
        module = await asyncio.to_thread(
            importlib.import_module, "containerflow.runtime.executor.grpc_door"
        )
        try:
            door: GrpcDoor = await module.open_grpc(self._service, self._name, 0, _LOOPBACK)
        except OSError:
            _logger.exception("gRPC could not start.")
            raise
        return door


async def open_grpc_port(service: Service, name: str, port: int, host: str) -> GrpcPort:
    """Open gRPC's port of an Executor.

    Args:
        service: Who answers.
        name: The Executor's name.
        port: TCP port; 0 takes a free one.
        host: Address to listen on.

    Raises:
        OSError: The port cannot be had.
    """
    opened = GrpcPort(service, name)
    await opened.listen(port, host)
    return opened


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    inner_reader, inner_writer = await asyncio.open_connection(_LOOPBACK, port)
    ways = [
        asyncio.create_task(_copy(reader, inner_writer)),
        asyncio.create_task(_copy(inner_reader, writer)),
    ]
    try:
        # HTTP/2 has no use for half a connection: when one way ends, both do.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        inner_writer.close()
        for way in ways:
            way.cancel()
        # Not raised: a way that broke is a peer that went away, which gRPC itself tells the other.
        await asyncio.gather(*ways, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()
