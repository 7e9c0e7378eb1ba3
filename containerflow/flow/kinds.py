"""The kinds of value that options take, each checked and put into one canonical form."""

from __future__ import annotations

import math
import re
import shlex
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from containerflow.flow.quantity import bytes_of

NAME_PATTERN = "^[A-Za-z]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$"
_VARIABLE_NAME = re.compile(r"[A-Za-z_.-][A-Za-z0-9_.-]*")
_GPU_LIST = re.compile(r"device=[^,\s]+(,[^,\s]+)*")


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character cannot be passed to a process")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair is not text") from error
    return value


def _name(value: str) -> str:
    if not re.fullmatch(NAME_PATTERN.strip("^$"), value):
        raise ValueError(
            "a name is made of letters, digits, `_` and `-`, begins with a letter, ends with a "
            "letter or digit, and has 63 characters at most"
        )
    return value


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is wanted, not true or false")
    return value


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) else value


def _plain(value: Any, path: str = "") -> Any:
    """A deep copy in which everything can be written as JSON and read back the same."""
    match value:
        case None | bool():
            return value
        case str():
            return _text(str(value))
        case int():
            return int(value)
        case float():
            if not math.isfinite(value):
                raise ValueError(f"{path or 'the value'} is {value}, which JSON cannot say")
            return float(value)
        case list() | tuple():
            return [_plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
        case dict():
            for key in value:
                if not isinstance(key, str):
                    raise ValueError(f"the key {key!r} of {path or 'the mapping'} is not text")
            return {
                _text(key): _plain(item, f"{path}.{key}".lstrip(".")) for key, item in value.items()
            }
    raise ValueError(
        f"{path or 'the value'} is a {type(value).__name__}; only text, numbers, true, false, "
        "null, lists and mappings can be handed to a container"
    )


def _plain_mapping(value: Any) -> Any:
    return _plain(value) if isinstance(value, dict) else value


def _environment(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {_variable_name(name): _variable_value(name, item) for name, item in value.items()}


def _variable_name(name: Any) -> str:
    if not isinstance(name, str) or not _VARIABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of an environment variable")
    return name


def _variable_value(name: str, value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case None:
            raise ValueError(f"{name} has no value; write {name}: '' for an empty one")
    raise ValueError(f"{name} is a {type(value).__name__}; an environment variable is text")


def _endpoints(value: dict[str, str]) -> dict[str, str]:
    """Endpoints with their leading slash, as @requests takes them."""
    endpoints = {f"/{endpoint.removeprefix('/')}": method for endpoint, method in value.items()}
    if len(endpoints) < len(value):
        raise ValueError("an endpoint stands there twice, with and without its slash")
    return endpoints


def _milliseconds(value: int) -> int:
    if not 0 < value < 2**31 and value != -1:
        raise ValueError("milliseconds above 0 and below 2**31 are wanted, or -1 for ever")
    return value


def _memory(value: str | int) -> str | int:
    bytes_of(value)
    return value


def _gpus(value: Any) -> Any:
    match value:
        case None:
            return None
        case bool():
            pass
        case int() if value >= 0:
            return str(value)
        case list() | tuple() if value:
            return _gpus("device=" + ",".join(str(item) for item in value))
        case str() if value == "all" or value.isdecimal() or _GPU_LIST.fullmatch(value):
            return value
    raise ValueError("GPUs are `all`, a number, a list of devices, or text like `device=0,1`")


def _argv(value: Any) -> Any:
    return tuple(shlex.split(value)) if isinstance(value, str) else value


def _once_each(value: tuple[Any, ...]) -> tuple[Any, ...]:
    for index, item in enumerate(value):
        if item in value[:index]:
            raise ValueError(f"{item} stands there twice")
    return value


def _lower(value: Any) -> Any:
    values = _as_list(value)
    if isinstance(values, list | tuple):
        return tuple(item.lower() if isinstance(item, str) else item for item in values)
    return value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Text = Annotated[str, AfterValidator(_text)]
"""Text that a process can be given: Unicode, no NUL."""

Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": NAME_PATTERN})]
"""A name that can become a DNS label: letters, digits, `_`, `-`, from a letter on, 63 at most."""

NameOrNone = Annotated[str, AfterValidator(lambda value: value and _name(value))]
"""The same, or empty."""

Whole = Annotated[int, BeforeValidator(_no_boolean)]
"""A whole number, as a number or as its digits."""

Milliseconds = Annotated[Whole, AfterValidator(_milliseconds)]
"""A time in milliseconds above 0, or -1 for ever."""

LimitedMilliseconds = Annotated[Whole, Field(gt=0, lt=2**31)]
"""A time in milliseconds above 0, which always comes to an end."""

Memory = Annotated[str | int, BeforeValidator(_no_boolean), AfterValidator(_memory)]
"""An amount of memory: bytes, or text such as `512M` (see `bytes_of`)."""

Texts = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]
"""One text or a list of them."""

Names = Annotated[
    tuple[Text, ...], Field(min_length=1), BeforeValidator(_as_list), AfterValidator(_once_each)
]
"""One name or a list of them, none twice."""

Port = Annotated[Whole, Field(ge=0, le=65535)]
Ports = Annotated[tuple[Port, ...], BeforeValidator(_as_list)]
"""One TCP port or a list of them; 0 is any free one."""

LowerTexts = BeforeValidator(_lower)
"""Takes one word or a list of them, in any case."""

UpperText = BeforeValidator(_upper)
"""Takes a word in any case."""

OnceEach = AfterValidator(_once_each)
"""Refuses a list with the same item twice."""

JsonMapping = Annotated[dict[str, Any], BeforeValidator(_plain_mapping)]
"""A mapping that JSON can say."""

Environment = Annotated[dict[str, str], BeforeValidator(_environment)]
"""Environment variables; numbers, true and false are taken as their text."""

Endpoints = Annotated[dict[Text, Text], AfterValidator(_endpoints)]
"""Endpoint to method name."""

GpuRequest = Annotated[str | None, BeforeValidator(_gpus)]
"""`all`, a count, or `device=0,1`, always as text."""

Argv = Annotated[tuple[Text, ...], BeforeValidator(_argv)]
"""A program and its arguments, as a list or as one line for a shell's rules of quoting."""
