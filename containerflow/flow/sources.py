"""Where a Flow's text comes from: a file, a URL, a stream, or the text itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from containerflow.errors import YamlError

FETCH_SECONDS = 30.0
MAX_BYTES = 10 * 1024 * 1024
"""No Flow is larger; a URL that sends more is not one."""

FlowSource = str | os.PathLike[str] | bytes | dict[str, Any] | IO[str] | IO[bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """What was read.

    Attributes:
        content: Text, its bytes, or a mapping.
        name: What to call it in messages.
        root: The directory that relative paths count from.
        is_remote: Whether it came from a URL, where relative paths lead nowhere.
    """

    content: str | bytes | dict[str, Any]
    name: str
    root: Path
    is_remote: bool = False


def read_source(source: FlowSource) -> Source:
    """Get hold of what `load` was given.

    Text is told from a path by its looks: text has a line break, a colon and a space, or begins
    with a brace.

    Args:
        source: A path, an http or https URL, YAML or JSON text, a mapping, or an open stream.

    Raises:
        YamlError: There is nothing at the path or URL, or the argument is none of these.
    """
    if isinstance(source, dict):
        return Source(source, "", Path.cwd())
    if isinstance(source, bytes):
        return Source(source, "<bytes>", Path.cwd())
    if isinstance(source, os.PathLike):
        return read_file(Path(source))
    if isinstance(source, str):
        if not source.strip():
            raise YamlError("There is no Flow in empty text.", remedy="Give a path or YAML text.")
        if source.startswith(("http://", "https://")) and "\n" not in source:
            return _fetch(source)
        if "\n" in source or ": " in source or source.lstrip().startswith("{"):
            return Source(source, "<text>", Path.cwd())
        return read_file(Path(source))
    if hasattr(source, "read"):
        return _read_stream(source)
    raise YamlError(
        f"A Flow cannot be loaded from a {type(source).__name__}.",
        remedy="Give a path, a URL, YAML or JSON text, a mapping or an open file.",
    )


def read_file(path: Path) -> Source:
    """Read a file.

    Raises:
        YamlError: It is not there, or cannot be read.
    """
    try:
        return Source(path.read_bytes(), str(path), path.absolute().parent)
    except FileNotFoundError:
        raise YamlError(
            f"There is no file {path}.",
            remedy="Check the path; YAML text instead of a path has a line break in it.",
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise YamlError(
            f"{path} cannot be read: {reason}.", remedy="Give the path of a YAML file."
        ) from error


def _read_stream(stream: IO[str] | IO[bytes]) -> Source:
    content = stream.read()
    if not isinstance(content, str | bytes):
        raise YamlError(f"The stream gives a {type(content).__name__}, neither text nor bytes.")
    name = getattr(stream, "name", None)
    # An unnamed stream has no name, and that of a pipe or standard input is a number.
    if isinstance(name, str) and (path := Path(name)).is_file():
        return Source(content, name, path.absolute().parent)
    return Source(content, "<stream>", Path.cwd())


def _fetch(url: str) -> Source:
    # Imported here because it is slow to import, and few Flows come from a URL.
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as response:
            content: bytes = response.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise YamlError(
            f"{url} cannot be fetched: {reason}.", remedy="Check the address and the network."
        ) from error
    if len(content) > MAX_BYTES:
        raise YamlError(f"{url} sends more than {MAX_BYTES:,} bytes, which no Flow has.")
    return Source(content, url, Path.cwd(), is_remote=True)
