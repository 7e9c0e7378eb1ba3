"""What `uses` means, told by its looks alone: nothing is opened to lower a Flow."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from containerflow.errors import PlanError
from containerflow.flow.executor import ExecutorSpec
from containerflow.plan.defaults import IMAGE_PREFIX, RUNTIME_IMAGE
from containerflow.plan.model import Build

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HUB = ("jinahub", "jinaai")
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9.-]+(?::[0-9]+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@[a-z0-9]+:[0-9a-f]{32,})?"
)


@dataclass(frozen=True, slots=True)
class Code:
    """Where an Executor's code is, and how the runtime finds it in the container.

    Attributes:
        image: The image's repository, or the whole reference of one that is used as it is.
        build: How it is made.
        entry: `uses` of the runtime's settings.
        modules: `py_modules` of the runtime's settings.
    """

    image: str
    build: Build | None
    entry: str = ""
    modules: tuple[str, ...] = ()


def locate_code(
    executor: ExecutorSpec, *, flow: str, service: str, owned_paths: tuple[str, ...]
) -> Code:
    """Tell what an Executor's `uses` names.

    - nothing: containerflow's own image, with an Executor that changes nothing;
    - `docker://image[:tag|@digest]`: that image;
    - `a/b.yml`: the directory `a`, and in it that file;
    - `pkg.module.Class`: the class, in `pkg/module.py`;
    - `Class` with `py_modules`: the class, in the first of those files;
    - anything else: a directory.

    Args:
        executor: The Executor.
        flow: DNS label of the Flow.
        service: DNS label of the service.
        owned_paths: Mount points that the image must own.

    Raises:
        PlanError: It names something that cannot be used.
    """
    uses = executor.uses
    modules = tuple(_file_path(executor, module) for module in executor.py_modules)
    image = f"{IMAGE_PREFIX}{flow}-{service}"
    if not uses:
        if modules:
            raise _error(executor, "has `py_modules` but no `uses`.", "Name the class in `uses`.")
        return Code(RUNTIME_IMAGE, Build("runtime", owned_paths=owned_paths))
    if scheme := _SCHEME.fullmatch(uses):
        return Code(_reference(executor, scheme[1].lower(), scheme[2]), None, modules=modules)
    if "\\" in uses:
        raise _error(
            executor, f"uses {uses!r}, which has a backslash in it.", "Write paths with slashes."
        )
    if uses.endswith(".py"):
        raise _error(
            executor,
            f"uses the Python file `{uses}`, which may hold several classes.",
            f"Name the class: `uses: MyExecutor` and `py_modules: {uses}`.",
        )
    names = uses.split(".")
    is_class = all(name.isidentifier() for name in names) and (
        names[-1][0].isupper() or (len(names) == 1 and bool(modules))
    )
    if is_class:
        return _class_code(executor, names, modules, image, owned_paths)
    entry = ""
    directory = uses
    if uses.endswith((".yml", ".yaml")):
        directory, entry = posixpath.split(uses)
    source = posixpath.normpath(directory or ".")
    modules = tuple(_inside(executor, source, module) for module in modules)
    build = Build("directory", source, entry=entry, owned_paths=owned_paths)
    return Code(image, build, entry=entry, modules=modules)


def _class_code(
    executor: ExecutorSpec,
    names: list[str],
    modules: tuple[str, ...],
    image: str,
    owned_paths: tuple[str, ...],
) -> Code:
    *package, name = names
    if package:
        source, beside = "/".join(package) + ".py", modules
    elif modules:
        source, beside = modules[0], modules[1:]
    else:
        raise _error(
            executor,
            f"uses `{name}`, which may be a class or a directory.",
            f"Write `./{name}` for the directory; for the class, name its file in `py_modules`.",
        )
    files = [posixpath.basename(path) for path in (source, *beside)]
    stem = files[0].removesuffix(".py")
    if not files[0].endswith(".py") or not stem.isidentifier():
        raise _error(
            executor,
            f"takes `{name}` from `{source}`, which is not the file of a Python module.",
            "Name a .py file whose name is a Python identifier.",
        )
    for file in files:
        if files.count(file) > 1:
            raise _error(
                executor,
                f"needs several files that are named `{file}`; in its image they stand side by "
                "side.",
                "Rename one, or make a directory of the Executor.",
            )
    build = Build("module", source, entry=name, modules=beside, owned_paths=owned_paths)
    return Code(image, build, entry=f"{stem}.{name}", modules=tuple(files[1:]))


def _inside(executor: ExecutorSpec, directory: str, module: str) -> str:
    """A module's path from the Executor's directory; one from the Flow's directory is taken too."""
    inside = module.removeprefix(f"{directory}/")
    if inside.startswith(("/", "../")):
        raise _error(
            executor,
            f"has `{module}` in `py_modules`, which is not in its directory `{directory}`.",
            "Move it there: only that directory is in its image.",
        )
    return inside


def _reference(executor: ExecutorSpec, scheme: str, rest: str) -> str:
    if scheme.split("+")[0] in _HUB:
        raise _error(
            executor,
            f"uses `{executor.uses}`, and there is no Executor Hub.",
            "Put its source into a directory and write that path, or its image into a registry "
            "and write docker://image.",
        )
    if scheme != "docker":
        raise _error(
            executor,
            f"uses `{executor.uses}`, and `{scheme}://` is not known.",
            "`uses` is a directory, a YAML file, docker://image, or module.Class.",
        )
    if not _IMAGE.fullmatch(rest):
        raise _error(
            executor,
            f"uses `{executor.uses}`, which does not name an image.",
            "Write docker://repository[:tag]; a repository is in lower case.",
        )
    return rest


def _file_path(executor: ExecutorSpec, path: str) -> str:
    if "\\" in path or not path.strip():
        raise _error(executor, f"has {path!r} in `py_modules`.", "Write paths with slashes.")
    return posixpath.normpath(path)


def _error(executor: ExecutorSpec, message: str, remedy: str) -> PlanError:
    return PlanError(f"Executor `{executor.name}` {message}", remedy=remedy)
