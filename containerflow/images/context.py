"""A build context: the files that a build reads, their digest, and the archive of them."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from docker.utils import exclude_paths

from containerflow.errors import SourceError

__all__ = ["Context", "Entry", "folder_entries", "read_ignore_file"]

_CHUNK_BYTES = 1 << 20
_TAG_LENGTH = 16

NEVER_COPIED = (
    "**/.git",
    "**/.venv",
    "**/__pycache__",
    "**/*.pyc",
    "**/.mypy_cache",
    "**/.pytest_cache",
    "**/.ruff_cache",
    "**/.DS_Store",
)
"""Patterns in the form of .dockerignore for what no Executor needs from its folder."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file, directory or symbolic link of a build context.

    Attributes:
        path: Where it stands in the context, with forward slashes.
        content: The bytes themselves, the file on disk that holds them, or None for a directory.
        executable: Whether the file may be run. Other permission bits are the same for all, so
            that the author's umask changes neither the digest nor what a container may read.
        link: What a symbolic link points to; empty for anything else.
    """

    path: str
    content: bytes | Path | None
    executable: bool = False
    link: str = ""

    @property
    def mode(self) -> int:
        """Permission bits inside the image."""
        return 0o755 if self.executable or self.content is None else 0o644

    def digest(self) -> bytes:
        """SHA-256 of the content."""
        if isinstance(self.content, Path):
            with self.content.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        return hashlib.sha256(self.content or self.link.encode()).digest()


@dataclass(frozen=True, slots=True)
class Context:
    """The files that a build reads.

    Example:
        >>> one = Context.of([Entry("a", b"1")])
        >>> one.tag() == Context.of([Entry("a", b"1")]).tag()
        True
        >>> one.tag() == Context.of([Entry("a", b"2")]).tag()
        False
    """

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Context:
        """Make a context; where two entries have one path, the later one counts."""
        by_path = {entry.path: entry for entry in entries}
        return cls(tuple(by_path[path] for path in sorted(by_path)))

    def tag(self, arguments: Mapping[str, str] | None = None) -> str:
        """The hash that names what is built from this.

        Args:
            arguments: What else decides the result: parent images and the like.

        Raises:
            SourceError: A file cannot be read.
        """
        total = hashlib.sha256()
        for name, value in sorted((arguments or {}).items()):
            total.update(f"{name}={value}\0".encode())
        for entry in self.entries:
            total.update(f"{entry.path}\0{entry.mode:o}\0{bool(entry.link)}\0".encode())
            try:
                total.update(entry.digest())
            except OSError as error:
                raise _unreadable(entry, error) from error
        return total.hexdigest()[:_TAG_LENGTH]

    def archive(self, more: Iterable[Entry] = ()) -> IO[bytes]:
        """A tar archive, open at its start.

        Args:
            more: Entries that go along without being part of the digest.

        Raises:
            SourceError: A file cannot be read.
        """
        # Small contexts stay in memory; one with a model's weights does not.
        file = tempfile.SpooledTemporaryFile(max_size=32 * _CHUNK_BYTES)  # noqa: SIM115
        with tarfile.open(fileobj=file, mode="w") as archive:
            for entry in (*self.entries, *more):
                _add(archive, entry)
        file.seek(0)
        return file


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    info = tarfile.TarInfo(entry.path)
    info.mode = entry.mode
    if entry.link:
        info.type, info.linkname = tarfile.SYMTYPE, entry.link
        archive.addfile(info)
    elif entry.content is None:
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
    elif isinstance(entry.content, bytes):
        info.size = len(entry.content)
        archive.addfile(info, io.BytesIO(entry.content))
    else:
        try:
            with entry.content.open("rb") as file:
                info.size = os.fstat(file.fileno()).st_size
                archive.addfile(info, file)
        except OSError as error:
            raise _unreadable(entry, error) from error


def _unreadable(entry: Entry, error: OSError) -> SourceError:
    reason = error.strerror or str(error)
    return SourceError(
        f"Cannot read {error.filename or entry.path}: {reason}.",
        remedy="Make it readable, or name it in .dockerignore.",
    )


def read_ignore_file(folder: Path) -> list[str]:
    """The patterns in a folder's .dockerignore; none where there is no such file."""
    file = folder / ".dockerignore"
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def folder_entries(folder: Path, patterns: Iterable[str], prefix: str = "") -> Iterator[Entry]:
    """Yield what a folder holds, without what the patterns leave out.

    Args:
        folder: The folder.
        patterns: Patterns in the form of .dockerignore.
        prefix: Put before each path, with its slash.
    """
    # The SDK's matcher always keeps a file of the name it takes for the Dockerfile.
    for name in sorted(exclude_paths(str(folder), list(patterns), dockerfile="Dockerfile")):
        path = folder / name
        place = prefix + name.replace(os.sep, "/")
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield Entry(place, b"", link=os.readlink(path))
        elif stat.S_ISDIR(status.st_mode):
            yield Entry(place, None)
        elif stat.S_ISREG(status.st_mode):
            yield Entry(place, path, executable=bool(status.st_mode & stat.S_IXUSR))
        # Sockets, pipes and devices have no place in an image.
