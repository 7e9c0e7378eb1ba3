"""An Executor's `config.yml`: what to load, and what to load it with."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from containerflow.errors import ExecutorError

__all__ = ["NAMES", "Configuration", "read_configuration"]

NAMES = ("config.yml", "config.yaml")
"""File names of a configuration that nobody named."""

_VARIABLE = re.compile(r"\$\{\{\s*ENV\.(\w+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration says.

    Attributes:
        uses: A class name or `module.Class`; empty for the one class in `executor.py`.
        arguments: Keyword arguments of the class.
        py_modules: Files to import before the class is looked up.
        metas: Goes to `self.metas`.
        requests: Endpoint to method name.
    """

    uses: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    py_modules: tuple[str, ...] = ()
    metas: Mapping[str, Any] = field(default_factory=dict)
    requests: Mapping[str, str] = field(default_factory=dict)


_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "jtype": str,
    "with": dict,
    "py_modules": (str, list),
    "metas": dict,
    "requests": dict,
}


def read_configuration(path: Path) -> Configuration:
    """Read an Executor's YAML file.

    `${{ ENV.NAME }}` stands for a variable of the container's environment.

    Raises:
        ExecutorError: The file is not there, not YAML, says what no one reads, or names a
            variable that is not set.
    """
    # Only here: an Executor without a configuration need not pay for it.
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ExecutorError(
            f"{path.name} cannot be read: {error.strerror or error}.",
            remedy="Put it into the Executor's folder, or name another file in `uses`.",
        ) from error
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ExecutorError(f"{path.name} is not YAML: {error}") from error
    raw = {} if raw is None else raw
    if not isinstance(raw, dict):
        raise ExecutorError(f"{path.name} is not a mapping.", remedy="Start it with `jtype: Name`.")
    for key, value in raw.items():
        _check(path.name, key, value)
    raw = _filled(raw, path.name, yaml.safe_load)
    metas = dict(raw.get("metas") or {})
    modules = raw.get("py_modules") or metas.get("py_modules") or ()
    return Configuration(
        uses=raw.get("jtype") or "",
        arguments=raw.get("with") or {},
        py_modules=(modules,) if isinstance(modules, str) else tuple(map(str, modules)),
        metas=metas,
        requests=raw.get("requests") or {},
    )


def _check(file: str, key: Any, value: Any) -> None:
    if key not in _KINDS:
        near = get_close_matches(str(key), _KINDS, 1)
        raise ExecutorError(
            f"{file} has the key {key!r}, which no one reads.",
            remedy=f"Did you mean {near[0]!r}?" if near else f"It may have: {', '.join(_KINDS)}.",
        )
    if value is not None and not isinstance(value, _KINDS[key]):
        raise ExecutorError(f"{file}: {key!r} cannot be {value!r}.")


def _filled(value: Any, file: str, parse: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(inner, file, parse) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, file, parse) for inner in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in os.environ:
            raise ExecutorError(
                f"{file} uses ${{{{ ENV.{name} }}}}, which is not set in the container.",
                remedy=f"Set it under the Executor's `env:` in the Flow: {name}: ...",
            )
        return os.environ[name]

    filled = _VARIABLE.sub(variable, value)
    # A whole value that stands for a number or a truth value becomes one, as if written there.
    return parse(filled) if _VARIABLE.fullmatch(value) and filled else filled
