"""The recipe of an Executor's image: its source, what it requires, and the runtime below.

What an Executor requires becomes an image of its own, `containerflow/requirements`: the runtime
with those packages, named after what went into it. So an edit of the source installs nothing, and
Executors that require the same share it.

A folder's own Dockerfile gets three build arguments: `CFLOW_RUNTIME`, the runtime image;
`CFLOW_BUILDER`, the image that has a pip (`PYTHONPATH=/opt/pip python -m pip`); and, where it
names it, `CFLOW_REQUIREMENTS`: the runtime with the folder's requirements.txt installed. The last
is the way to install behind a proxy that inspects TLS, or from a private index::

    ARG CFLOW_REQUIREMENTS
    FROM ${CFLOW_REQUIREMENTS}
    COPY . /app

Its own `RUN` steps are given the proxy variables and neither certificates nor pip's settings:
whatever a step reads from the context stays in a layer, and layers of such a Dockerfile are kept.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from containerflow.errors import SourceError
from containerflow.images.build import Recipe
from containerflow.images.context import (
    NEVER_COPIED,
    Context,
    Entry,
    folder_entries,
    read_ignore_file,
)
from containerflow.images.runtime import Runtime
from containerflow.images.sources import Sources, module_entries, module_text
from containerflow.images.stages import STAGE_ARGUMENT, STAGE_LABEL
from containerflow.plan.model import Build
from containerflow.wire.settings import SOURCE_DIRECTORY, WORKSPACE_DIRECTORY

__all__ = ["Ingredients", "executor_recipe", "gather"]

REQUIREMENTS_REPOSITORY = "containerflow/requirements"
_REQUIREMENTS_ARGUMENT = "CFLOW_REQUIREMENTS"
_OWN_PACKAGE = re.compile(r"\s*containerflow\s*($|[\[<>=!~;@#])", re.IGNORECASE)
_REFERS_TO_FILES = re.compile(
    r"\s*(-r|-c|-e|--requirement|--constraint|--editable|\.{0,2}/|\.\s*$)"
)


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What of the author's goes into an image.

    Attributes:
        entries: The files, where they stand under `/app`; or the folder as it is where it has a
            Dockerfile of its own.
        requirements: Text of requirements.txt; empty where nothing is to be installed.
        own_dockerfile: Whether the folder's own Dockerfile says how to build.
        names_requirements: Whether that Dockerfile asks for the image with the requirements.
        owned_paths: Directories that the image must own.
    """

    entries: tuple[Entry, ...] = ()
    requirements: str = ""
    own_dockerfile: bool = False
    names_requirements: bool = False
    owned_paths: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the runtime image will do as it is."""
        return not (self.entries or self.requirements or self.owned_paths)


def gather(build: Build, sources: Sources, executor: str) -> Ingredients:
    """Find what goes into an image, without asking an engine.

    Args:
        build: What the Plan says of the image.
        sources: Where the author's files are.
        executor: The Executor's name, for errors.

    Raises:
        SourceError: A file or folder is missing or unusable.
    """
    # The runtime image owns its workspace already.
    owned = tuple(path for path in build.owned_paths if path != WORKSPACE_DIRECTORY)
    if build.kind == "runtime":
        return Ingredients(owned_paths=owned)
    if build.kind == "module":
        entries, requirements = _module(build, sources, executor)
        return Ingredients(tuple(entries), requirements, owned_paths=owned)
    return replace(_directory(build, sources, executor), owned_paths=owned)


def executor_recipe(ingredients: Ingredients, repository: str, runtime: Runtime) -> Recipe:
    """The recipe of an Executor's image.

    Args:
        ingredients: What of the author's goes into it.
        repository: The image's name without the tag.
        runtime: The images that it is made from.
    """
    owned = _owning(ingredients.owned_paths)
    below = _requirements_recipe(ingredients, runtime) if ingredients.requirements else None
    parent = below.reference if below is not None else runtime.reference
    if ingredients.own_dockerfile:
        lines = ["USER 0", *owned, "USER 1000:1000"] if owned else []
        entries = [_with_lines(entry, lines) for entry in ingredients.entries]
        arguments = {"CFLOW_RUNTIME": runtime.reference, "CFLOW_BUILDER": runtime.builder}
        if ingredients.names_requirements:
            arguments[_REQUIREMENTS_ARGUMENT] = parent
        return Recipe(
            "executor",
            repository,
            Context.of(entries),
            arguments,
            below=below,
            hint=_OWN_DOCKERFILE_HINT,
        )
    lines = ["ARG PARENT", "FROM ${PARENT}"]
    entries = [
        replace(entry, path=f"app/{entry.path}" if entry.path else "app")
        for entry in ingredients.entries
    ]
    if ingredients.entries:
        lines.append(f"COPY app {SOURCE_DIRECTORY}")
    lines += ["USER 0", f"RUN {_COMPILE} {SOURCE_DIRECTORY} || true", *owned, "USER 1000:1000"]
    text = "\n".join(lines) + "\n"
    context = Context.of([*entries, Entry("Dockerfile", text.encode())])
    return Recipe("executor", repository, context, {"PARENT": parent}, below=below)


def _requirements_recipe(ingredients: Ingredients, runtime: Runtime) -> Recipe:
    """The recipe of the runtime with what an Executor requires."""
    text = ingredients.requirements
    entries = [
        Entry("requirements/containerflow-requirements.txt", text.encode()),
        Entry("Dockerfile", _INSTALL.encode()),
    ]
    if any(_REFERS_TO_FILES.match(line) for line in text.splitlines()):
        entries += [
            replace(entry, path=f"requirements/{entry.path}") for entry in ingredients.entries
        ]
    return Recipe(
        "requirements",
        REQUIREMENTS_REPOSITORY,
        Context.of(entries),
        {"BUILDER": runtime.builder, "RUNTIME": runtime.reference},
        network="network",
    )


# A file that does not compile is no fault unless someone imports it. The bytecode says which text
# it comes from, so that a folder that is mounted over this one is compiled anew.
_COMPILE = "python -m compileall -qq --invalidation-mode checked-hash"

_INSTALL = f"""\
ARG BUILDER
ARG RUNTIME
FROM ${{BUILDER}} AS requirements
ARG {STAGE_ARGUMENT}
LABEL {STAGE_LABEL}=${{{STAGE_ARGUMENT}}}
COPY requirements /tmp/build
COPY network /tmp/build/network
RUN install-requirements /tmp/build
FROM ${{RUNTIME}}
COPY --from=requirements /opt/executor /opt/executor
"""

_OWN_DOCKERFILE_HINT = (
    "A step of a folder's own Dockerfile knows the proxy variables, but neither this machine's "
    "certificates nor its pip settings. If it failed for want of these, put what it installs into "
    f"requirements.txt and begin with `ARG {_REQUIREMENTS_ARGUMENT}` and "
    f"`FROM ${{{_REQUIREMENTS_ARGUMENT}}}`: the runtime with all of that installed."
)


def _owning(paths: tuple[str, ...]) -> list[str]:
    if not paths:
        return []
    names = " ".join(shlex.quote(path) for path in paths)
    return [f"RUN mkdir -p {names} && chown 1000:1000 {names}"]


def _with_lines(entry: Entry, lines: list[str]) -> Entry:
    """A Dockerfile with lines added; any other entry as it is."""
    if entry.path != "Dockerfile" or not lines or not isinstance(entry.content, Path):
        return entry
    return replace(entry, content=entry.content.read_bytes() + b"\n" + "\n".join(lines).encode())


def _directory(build: Build, sources: Sources, executor: str) -> Ingredients:
    folder = sources.root / build.source
    if not folder.is_dir():
        what = "is a file, not a directory" if folder.exists() else "does not exist"
        raise SourceError(
            f"Executor {executor!r} uses {build.source!r}, but {folder} {what}.",
            remedy="Correct `uses`; paths are relative to the Flow's own directory.",
        )
    if build.entry and not (folder / build.entry).is_file():
        raise SourceError(
            f"Executor {executor!r} uses {build.entry!r} in {folder}, but there is no such file.",
            remedy="Correct `uses`; paths are relative to the Flow's own directory.",
        )
    ignored = read_ignore_file(folder)
    if (folder / "Dockerfile").is_file():
        # Bytes of another encoding are the engine's to judge.
        text = (folder / "Dockerfile").read_text(encoding="utf-8", errors="replace")
        asks = _REQUIREMENTS_ARGUMENT in text
        return Ingredients(
            tuple(folder_entries(folder, ignored)),
            _requirements(folder) if asks else "",
            own_dockerfile=True,
            names_requirements=asks,
        )
    entries = tuple(
        entry
        for entry in folder_entries(folder, [*NEVER_COPIED, *ignored])
        if entry.path not in (".dockerignore", "Dockerfile")
    )
    if not entries:
        raise SourceError(
            f"Executor {executor!r} uses {folder}, which is empty.",
            remedy="Put an executor.py into it.",
        )
    return Ingredients(entries, _requirements(folder))


def _module(build: Build, sources: Sources, executor: str) -> tuple[Iterable[Entry], str]:
    source = module_text(build, sources, executor)
    return module_entries(source, build, sources, executor), _requirements(source.folder)


def _requirements(folder: Path) -> str:
    """What a folder's requirements.txt asks for, without containerflow, which is there already."""
    file = folder / "requirements.txt"
    if not file.is_file():
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not _OWN_PACKAGE.match(line)]
    asks = any(line.strip() and not line.strip().startswith("#") for line in kept)
    return "\n".join([*kept, ""]) if asks else ""
