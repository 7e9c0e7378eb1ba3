"""Where the Dockerfiles, pins and scripts of the images are."""

from __future__ import annotations

from pathlib import Path

__all__ = ["PYTHON", "package_files", "recipe"]

PYTHON = (3, 11)
"""The version of Python in every image; Debian's bookworm and the slim image both have it."""

PACKAGE = Path(__file__).resolve().parent.parent

INSIDE = (
    "__init__.py",
    "_version.py",
    "errors.py",
    "progress.py",
    "py.typed",
    "wire",
    "runtime",
    "client",
    # Not used in a container, but an executor.py may be a script that starts its own Flow as
    # well, and its imports must not fail.
    "flow",
    "api",
)
"""What of the package goes into the runtime image."""

_LEFT_OUT = frozenset({".pyc", ".pyi", ".proto"})


def recipe(*parts: str) -> Path:
    """The path of one recipe file: `recipe("runtime", "probe")`.

    Recipes are at the top of a checkout, and beside this module in an installed package.
    """
    installed = Path(__file__).resolve().parent / "recipes"
    root = installed if installed.is_dir() else PACKAGE.parent / "images"
    return root.joinpath(*parts)


def package_files() -> list[Path]:
    """The files of this package that the runtime image holds, sorted."""
    files: list[Path] = []
    for name in INSIDE:
        path = PACKAGE / name
        found = path.rglob("*") if path.is_dir() else [path]
        files += [
            file
            for file in found
            if file.is_file() and file.suffix not in _LEFT_OUT and "__pycache__" not in file.parts
        ]
    return sorted(files)
