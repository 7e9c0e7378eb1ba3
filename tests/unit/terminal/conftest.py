"""A real terminal to look at."""

from __future__ import annotations

import os
import pty
import threading

import pytest


def read_all(descriptor: int) -> str:
    """What was written to the other end of a pseudo-terminal, until that is closed."""
    chunks = []
    while True:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # Linux ends a pseudo-terminal with EIO
            break
        if not chunk:
            break
        chunks.append(chunk)
    return b"".join(chunks).decode()


class Terminal:
    """A real pseudo-terminal that remembers what was written to it."""

    def __init__(self) -> None:
        self.master, slave = pty.openpty()
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self._text: list[str] = []
        self._reader = threading.Thread(target=lambda: self._text.append(read_all(self.master)))
        self._reader.start()

    def close(self) -> str:
        self.file.close()
        self._reader.join()
        os.close(self.master)
        return self._text[0]


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return Terminal()
