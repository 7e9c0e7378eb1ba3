"""From options as they were given to a model, with errors that lead back to what was given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from containerflow.errors import DefinitionError, UnknownKeyError, YamlError
from containerflow.flow.place import Locate, Mark, Path, nowhere

Model = TypeVar("Model", bound=BaseModel)

_RETIRED = {
    "native": "Every Executor runs in a container.",
    "runtime_cls": "Every Executor runs in a container.",
    "force_update": "Images are rebuilt when their content changes.",
    "prefer_platform": "Images are built for the engine's own platform.",
    "stateful": "Keep state in a volume.",
    "peer_ports": "Keep state in a volume.",
    "uses_before": "Add an Executor before it, and name it in `needs`.",
    "uses_after": "Add an Executor after it, which needs it.",
    "uses_before_address": "Add an Executor before it, and name it in `needs`.",
    "uses_after_address": "Add an Executor after it, which needs it.",
    "provider": "Use the image that `uses` names.",
    "graph_description": "The Plan holds the graph.",
}


def validated(
    model: type[Model], options: Mapping[str, Any], subject: str, locate: Locate = nowhere
) -> Model:
    """Make a model of options.

    Args:
        model: What to make.
        options: Its fields.
        subject: What it is called at the beginning of a message.
        locate: Where each option stands, for messages about a document.

    Raises:
        UnknownKeyError: An option that the model does not have.
        YamlError: A value that an option cannot have, in a document.
        DefinitionError: The same, where there is no document.
    """
    refuse_unknown(
        options, model.model_fields.keys() | getattr(model, "ALIASES", {}).keys(), subject, locate
    )
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False)

        def place(fault: ErrorDetails) -> tuple[int, int]:
            mark = locate(fault["loc"], False)
            return mark.line, mark.column

        raise _refusal(min(faults, key=place), options, subject, locate) from error


def refuse_unknown(
    options: Mapping[str, Any],
    known: Collection[str],
    subject: str,
    locate: Locate = nowhere,
    remedies: Mapping[str, str] | None = None,
) -> None:
    """Raise for the first key that is not known.

    Args:
        options: A mapping with the keys.
        known: The known keys.
        subject: Whose options they are, at the beginning of a message.
        locate: Where each key stands.
        remedies: What to do about keys that are known to be given here by mistake.

    Raises:
        UnknownKeyError: There is one.
    """
    for key in options:
        if key in known:
            continue
        mark = locate((key,), True)
        nearest = get_close_matches(str(key), sorted(known), n=1)
        remedy = {**_RETIRED, **(remedies or {})}.get(str(key), "")
        if not remedy and nearest:
            remedy = f"Did you mean `{nearest[0]}`?"
        raise UnknownKeyError(
            f"{subject} has no option `{key}`.",
            nearest=nearest[0] if nearest else "",
            source=mark.source,
            line=mark.line,
            column=mark.column,
            remedy=remedy or f"Known are: {', '.join(sorted(known))}.",
        )


def _refusal(
    fault: ErrorDetails, options: Mapping[str, Any], subject: str, locate: Locate
) -> DefinitionError:
    path = _within(options, fault["loc"])
    option = f"`{_dotted(path)}`: " if path else ""
    reason = fault["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
    is_scalar = isinstance(fault["input"], bool | int | float)
    remedy = "Put it in quotes." if fault["type"] == "string_type" and is_scalar else ""
    given = (
        "" if isinstance(fault["input"], dict | list | tuple) else f" (it is {fault['input']!r})"
    )
    message = f"{subject}, {option}{reason}{given}." if option else f"{subject}: {reason}."
    mark = locate(path, False)
    if mark == Mark():
        return DefinitionError(message, remedy=remedy)
    return YamlError(message, source=mark.source, line=mark.line, column=mark.column, remedy=remedy)


def _within(options: Any, path: Path) -> Path:
    """The part of a path that leads through what was given; pydantic goes on through its types."""
    for length, step in enumerate(path):
        match options:
            case dict() if step in options:
                options = options[step]
            case list() | tuple() if isinstance(step, int) and step < len(options):
                options = options[step]
            case _:
                return path[:length]
    return path


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")
