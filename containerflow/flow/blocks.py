"""From the blocks of a Flow's document to the declaration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from containerflow.errors import YamlError
from containerflow.flow import document as documents
from containerflow.flow.checking import refuse_unknown, validated
from containerflow.flow.document import Document
from containerflow.flow.graph import resolve
from containerflow.flow.place import Locate, Mark, Path
from containerflow.flow.sources import Source, read_file
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.validation import FLOW_OPTIONS, GATEWAY_OPTIONS
from containerflow.flow.variables import expand

VERSIONS = ("1", "1.0")

_BLOCKS = ("jtype", "version", "with", "gateway", "executors", "deployments")
_UNDER_WITH = dict.fromkeys(FLOW_OPTIONS | GATEWAY_OPTIONS, "Put it under `with`.")


def read_flow(source: Source, context: Mapping[str, Any]) -> FlowSpec:
    """Read a document as a Flow.

    Args:
        source: What was read.
        context: Values of `${{ CONTEXT.x }}`.

    Raises:
        DefinitionError: It is none; subclasses say why, and where.
    """
    document = _read(source, context)
    data = _mapping(document, ())
    if not data:
        raise _error(document, (), "There is no Flow in it.", "The smallest is `jtype: Flow`.")
    refuse_unknown(data, _BLOCKS, "A Flow's YAML", _locate(document, ()), _UNDER_WITH)
    _check_heading(document, "Flow")
    options = _mapping(document, ("with",))
    refuse_unknown(options, FLOW_OPTIONS | GATEWAY_OPTIONS, "`with`", _locate(document, ("with",)))
    executors = _read_executors(document, source, context)
    flow_options = {key: value for key, value in options.items() if key in FLOW_OPTIONS}
    spec = validated(
        FlowSpec,
        {
            **flow_options,
            "gateway": _read_gateway(document),
            "executors": tuple(executor for executor, _ in executors),
        },
        "The Flow",
        _locate(document, ("with",)),
    )
    resolve(spec.executors, place=lambda index: f"{executors[index][1]}: ".removeprefix(": "))
    return spec


def _read(source: Source, context: Mapping[str, Any]) -> Document:
    if isinstance(source.content, dict):
        document = Document(source.content, source.name)
    else:
        document = documents.read(source.content, source.name)
    expand(document, environ=os.environ, context=context)
    return document


def _read_gateway(document: Document) -> GatewaySpec:
    """The options of the block `gateway`, and below them those that `with` has for it."""
    places: dict[str | int, Path] = {}
    options: dict[str, Any] = {}
    for block in ("with", "gateway"):
        for key, value in _mapping(document, (block,)).items():
            if block == "gateway" or key in GATEWAY_OPTIONS:
                options[key] = value
                places[key] = (block,)

    def locate(path: Path, key: bool) -> Mark:
        block = places.get(path[0], ("gateway",)) if path else ("gateway",)
        return document.mark((*block, *path), key=key)

    return validated(GatewaySpec, options, "The Gateway", locate)


def _read_executors(
    document: Document, source: Source, context: Mapping[str, Any]
) -> list[tuple[ExecutorSpec, Mark]]:
    if "executors" in document.data and "deployments" in document.data:
        raise _error(
            document,
            ("deployments",),
            "`executors` and `deployments` are the same block, given twice.",
            "Put all items into `executors`.",
        )
    block = "deployments" if "deployments" in document.data else "executors"
    items = document.data.get(block)
    if items is None:
        return []
    if not isinstance(items, list):
        raise _error(
            document, (block,), f"`{block}` is not a list.", "Begin each item with a dash."
        )
    executors = []
    for index, item in enumerate(items):
        path: Path = (block, index)
        home = document
        if isinstance(item, str):
            home, path = _read_item_file(document, path, source, context), ("with",)
            if "with" not in home.data:
                path = ()
        options = _mapping(home, path)
        if item is None:
            raise _error(document, path, "This item is empty.", "Write {} for the defaults.")
        if path == ():
            options = {
                key: value for key, value in options.items() if key not in ("jtype", "version")
            }
        name = options.get("name") or index + 1
        subject = f"Executor `{name}`" if isinstance(name, str) else f"Executor {index + 1}"
        executor = validated(ExecutorSpec, options, subject, _locate(home, path))
        executors.append((executor, document.mark((block, index))))
    return executors


def _read_item_file(
    document: Document, path: Path, source: Source, context: Mapping[str, Any]
) -> Document:
    """The document of an item that is the path of a file with one Executor."""
    name = document.data[path[0]][path[1]]
    if source.is_remote:
        raise _error(
            document,
            path,
            f"The item {name!r} names a file, and a Flow from a URL has no directory.",
            "Write the Executor's options here.",
        )
    try:
        item = _read(read_file(source.root / FilePath(name)), context)
    except YamlError as error:
        if error.line:
            raise
        raise _error(document, path, str(error.message), error.remedy) from error
    data = _mapping(item, ())
    if "with" in data:
        refuse_unknown(data, ("jtype", "version", "with"), "An Executor's YAML", _locate(item, ()))
    _check_heading(item, "Deployment", "Executor")
    return item


def _mapping(document: Document, path: Path) -> dict[str, Any]:
    """The mapping at a path, empty where there is nothing; its `env` as it was written."""
    data = document.data
    for step in path:
        data = data.get(step) if isinstance(data, dict) else data[step]
    if data is None:
        return {}
    if not isinstance(data, dict):
        what = f"`{path[0]}`" if len(path) == 1 else "An item" if path else "A Flow's YAML"
        raise _error(
            document,
            path,
            f"{what} is a {_kind(data)}, and a mapping is wanted here.",
            "Write `key: value` lines.",
        )
    environment = data.get("env")
    if not isinstance(environment, dict):
        return data
    texts = {
        name: document.texts.get((*path, "env", name), value)
        if isinstance(value, bool | int | float)
        else value
        for name, value in environment.items()
    }
    return {**data, "env": texts}


def _check_heading(document: Document, *jtypes: str) -> None:
    data = document.data
    jtype = data.get("jtype", jtypes[0])
    if jtype not in jtypes:
        raise _error(
            document,
            ("jtype",),
            f"The jtype is {jtype!r}, and {' or '.join(jtypes)} is wanted here.",
            "Put the Executor into the `executors` of a Flow." if jtype == "Deployment" else "",
        )
    version = data.get("version", VERSIONS[0])
    if str(version) not in VERSIONS:
        raise _error(
            document, ("version",), f"Version {version!r} is not known.", "Write version: '1'."
        )


def _locate(document: Document, base: Path) -> Locate:
    return lambda path, key: document.mark((*base, *path), key=key)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "list"
    return "text" if isinstance(value, str) else f"single value ({value!r})"


def _error(document: Document, path: Path, message: str, remedy: str = "") -> YamlError:
    mark = document.mark(path)
    return YamlError(message, source=mark.source, line=mark.line, column=mark.column, remedy=remedy)
