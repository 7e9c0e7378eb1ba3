"""A way to a real engine that can be cut, as when an engine stops."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker


class EngineProxy:
    """Forwards every connection to the engine's socket until it is cut.

    Args:
        listener: Where clients connect.
        target: The engine's socket.
    """

    def __init__(self, listener: socket.socket, target: str) -> None:
        self._listener = listener
        self._target = target
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Hang up on everyone, and answer nobody any more."""
        with self._lock:
            self._cut = True
            # Closing alone does not wake a thread that is waiting in accept.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._target)
            with self._lock:
                if self._cut:
                    client.close()
                    engine.close()
                    return
                self._open |= {client, engine}
            for source, sink in ((client, engine), (engine, client)):
                threading.Thread(target=_copy, args=(source, sink), daemon=True).start()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def engine_socket(engine: docker.APIClient) -> str:
    """The path of the socket that a client of a local engine uses."""
    adapter = engine.get_adapter(engine.base_url)
    return str(adapter.socket_path)


@contextmanager
def unix_proxy(engine: docker.APIClient, path: Path) -> Iterator[EngineProxy]:
    """A proxy on a socket at `path`; DOCKER_HOST for it is unix://path."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    proxy = EngineProxy(listener, engine_socket(engine))
    yield proxy
    proxy.cut()


@contextmanager
def tcp_proxy(engine: docker.APIClient, host: str) -> Iterator[str]:
    """A proxy on a free port of `host`; gives the URL for DOCKER_HOST."""
    listener = socket.create_server((host, 0), backlog=64)
    proxy = EngineProxy(listener, engine_socket(engine))
    yield f"tcp://{host}:{listener.getsockname()[1]}"
    proxy.cut()
