"""The models of many Executors under one roof: OpenAPI's `#/components/schemas`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

_DEFINITIONS = "#/$defs/"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Components:
    """Collects JSON Schemas; equal models are kept once, others never share a name.

    Args:
        prefix: What a reference to a component starts with.

    Attributes:
        schemas: The components, by name.
    """

    def __init__(self, prefix: str = "#/components/schemas/") -> None:
        self._prefix = prefix
        self.schemas: dict[str, Schema] = {}
        self._names: dict[tuple[str, str], str] = {}

    def add(self, schema: Schema, *, owner: str) -> Schema:
        """Take a schema and its `$defs` in.

        Args:
            schema: As pydantic writes it: self-contained, references into its own `$defs`.
            owner: The Executor it is from, which tells models of one name apart.

        Returns:
            A schema that refers to the component.
        """
        definitions: dict[str, Schema] = schema.get("$defs", {})
        names = {
            local: self._claim(local, _fingerprint(body, definitions), owner)
            for local, body in definitions.items()
        }
        for local, body in definitions.items():
            self.schemas[names[local]] = self._with_references(body, names)
        root = {key: value for key, value in schema.items() if key != "$defs"}
        if "$ref" in root and root["$ref"].startswith(_DEFINITIONS):
            # A model that contains itself is written as a reference to one of its own $defs.
            reference: Schema = self._with_references(root, names)
            return reference
        if "title" not in root:
            anonymous: Schema = self._with_references(root, names)
            return anonymous
        name = self._claim(str(root["title"]), _fingerprint(root, definitions), owner)
        self.schemas[name] = self._with_references(root, names)
        return {"$ref": self._prefix + name}

    def _claim(self, wanted: str, fingerprint: str, owner: str) -> str:
        """The name of a component with this content; an own one if there is none yet."""
        key = (wanted, fingerprint)
        if key in self._names:
            return self._names[key]
        taken = set(self._names.values())
        name = _UNFIT.sub("_", wanted)
        if name in taken:
            name = _UNFIT.sub("_", f"{wanted}-{owner}")
        base, number = name, 2
        while name in taken:
            name, number = f"{base}-{number}", number + 1
        self._names[key] = name
        return name

    def _with_references(self, schema: Schema, names: dict[str, str]) -> Schema:
        mapped: Schema = _map_references(
            schema, lambda reference: self._prefix + names[reference.removeprefix(_DEFINITIONS)]
        )
        return mapped


def _fingerprint(schema: Schema, definitions: dict[str, Schema]) -> str:
    """Text that two schemas share only if they, and all that they refer to, are equal."""
    reached: dict[str, Schema] = {}
    waiting: list[Any] = [schema]

    def visit(reference: str) -> str:
        local = reference.removeprefix(_DEFINITIONS)
        if local in definitions and local not in reached:
            reached[local] = definitions[local]
            waiting.append(definitions[local])
        return reference

    while waiting:
        _map_references(waiting.pop(), visit)
    return json.dumps([schema, reached], sort_keys=True)


def _map_references(value: Any, change: Callable[[str], str], *, mapping: bool = False) -> Any:
    """A copy of a schema in which `change` has been applied to each reference."""
    if isinstance(value, list):
        return [_map_references(item, change) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: change(item)
        if isinstance(item, str) and item.startswith(_DEFINITIONS) and (key == "$ref" or mapping)
        # A discriminator's mapping holds references as plain values.
        else _map_references(item, change, mapping=key == "mapping")
        for key, item in value.items()
    }
