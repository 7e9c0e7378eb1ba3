"""A Flow's YAML: the one that Jina's users have, read with care and written in one way.

::

    jtype: Flow
    version: '1'
    with:              # options of the Flow; those of the Gateway may stand here too
      name: search
      protocol: http
    gateway:           # options of the Gateway; they win over those under `with`
      port: 8080
    executors:         # or `deployments`
      - name: encoder
        uses: ./encoder
      - rank.yml       # the path of a file with one Executor

Relative paths, those within the file of one Executor too, count from the Flow's own directory.
Variables are described in `containerflow.flow.variables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from containerflow.flow.blocks import VERSIONS, read_flow
from containerflow.flow.document import Writer
from containerflow.flow.options import Options
from containerflow.flow.sources import FlowSource, read_source
from containerflow.flow.spec import ExecutorSpec, FlowSpec, GatewaySpec
from containerflow.flow.variables import escaped

__all__ = ["FlowSource", "dump", "load", "load_with_root"]

_ALWAYS_LISTS = ("entrypoint",)
"""Alone and without a list around it, its text would be split into words."""


def load(source: FlowSource, *, context: Mapping[str, Any] | None = None) -> FlowSpec:
    """Read a Flow.

    Args:
        source: A path, an http or https URL, YAML or JSON text, a mapping, or an open stream.
        context: What `${{ CONTEXT.x }}` and `${{ x }}` stand for.

    Raises:
        YamlError: It is not YAML, or not a Flow; with line and column.
        UnknownKeyError: A key that no one reads.
        VariableError: A variable without a value.
        DefinitionError: The graph cannot be.

    Example:
        >>> flow = load("{jtype: Flow, executors: [{name: encoder, uses: ./encoder}]}")
        >>> flow.executors[0].uses
        './encoder'
    """
    return load_with_root(source, context=context)[0]


def load_with_root(
    source: FlowSource, *, context: Mapping[str, Any] | None = None
) -> tuple[FlowSpec, Path]:
    """Read a Flow, as `load` does, and tell which directory its relative paths count from.

    That is the directory of the file, and the current one where there is no file.
    """
    read = read_source(source)
    return read_flow(read, context or {}), read.root


def dump(spec: FlowSpec) -> str:
    """Write a Flow as YAML: only what differs from the defaults, always in the same order.

    Args:
        spec: The Flow.

    Returns:
        Text such that `load(dump(spec)) == spec`.

    Example:
        >>> print(dump(FlowSpec(name="search", executors=(ExecutorSpec(uses="./encoder"),))))
        jtype: Flow
        version: '1'
        with:
          name: search
        executors:
        - uses: ./encoder
        <BLANKLINE>
    """
    flow: dict[str, Any] = {"jtype": "Flow", "version": VERSIONS[0]}
    if options := _said(spec, leave_out=("gateway", "executors")):
        flow["with"] = options
    if options := _said(spec.gateway):
        flow["gateway"] = options
    if spec.executors:
        flow["executors"] = [
            _said(executor, leave_out=("name",) if executor.name == f"executor{index}" else ())
            for index, executor in enumerate(spec.executors)
        ]
    return yaml.dump(flow, Dumper=Writer, sort_keys=False, allow_unicode=True, width=2**31)


def _said(
    spec: FlowSpec | GatewaySpec | ExecutorSpec, *, leave_out: tuple[str, ...] = ()
) -> dict[str, Any]:
    said = {}
    options = spec.model_dump(exclude_defaults=True)
    # What is the Executor's or Gateway's own comes before what it has in common with the others.
    for name in sorted(options, key=Options.model_fields.__contains__):
        value = options[name]
        if name in leave_out:
            continue
        if isinstance(value, tuple) and len(value) == 1 and name not in _ALWAYS_LISTS:
            value = value[0]
        said[name] = _written(value)
    return said


def _written(value: Any) -> Any:
    match value:
        case str():
            return escaped(value)
        case list() | tuple():
            return [_written(item) for item in value]
        case dict():
            return {key: _written(value[key]) for key in sorted(value)}
    return value
