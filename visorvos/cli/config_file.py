"""A command's options as a YAML file with a comment on each, and what a value must be in words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from visorvos._version import __version__
from visorvos.settings.base import Settings, bare, mark, section

_WIDTH = 100
_TYPES = {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}
_LIMITS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "lt": "less than {}",
    "multiple_of": "a multiple of {}",
}


def commented_yaml(command: str, model: type[Settings]) -> str:
    """All options with descriptions, types, ranges and defaults, as ``--config`` takes them.

    Required options are commented out: fill them in, or give them on the command line.

    Args:
        command: the command's name.
        model: its settings.
    """
    head = f"# Options of `visorvos {command}`, version {__version__}.\n# Use: visorvos {command} --config FILE\n"
    return "\n".join([head, *_entries(model)])


def in_words(kind: Any, constraints: Iterable[object] = ()) -> str:  # noqa: ANN401 - a type as value
    """What a value of a type must be, such as "a whole number, at least 1"."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return in_words(parts[0], [*constraints, *parts[1:]])
    if origin in (Union, UnionType):
        return in_words(next(part for part in parts if part is not type(None)), constraints)
    if origin is Literal:
        *rest, last = map(str, parts)
        return f"{', '.join(rest)} or {last}" if rest else last
    if origin is tuple:
        each = in_words(parts[0])
        return each if parts[-1] is Ellipsis else f"{len(parts)} values, each {each}"
    limits = in_range(constraints)
    separator = " " if limits.startswith("from") else ", "
    return separator.join(filter(None, (_TYPES.get(kind, "a value"), limits)))


def in_range(constraints: Iterable[object]) -> str:
    """Limits in words, such as "at least 0" or "from 0 to 1"; "" without any.

    Args:
        constraints: a field's metadata.
    """
    each = [part for item in constraints for part in (item.metadata if isinstance(item, FieldInfo) else [item])]
    limits = {key: getattr(part, key) for key in _LIMITS for part in each if hasattr(part, key)}
    both = [f"from {limits.pop('ge')} to {limits.pop('le')}"] if {"ge", "le"} <= limits.keys() else []
    return ", ".join([*both, *(_LIMITS[key].format(value) for key, value in limits.items())])


def rank(field: FieldInfo) -> tuple[int, bool]:
    """Sort key of options: arguments first, panels in one order in all commands, required options first in each."""
    panel = {"Inputs": 1, "Outputs": 2, "Scoring": 3, "Computing": 5, "General": 6}.get(mark(field, "panel"), 4)
    return 0 if mark(field, "argument") else panel, not field.is_required()


def _entries(model: type[Settings]) -> list[str]:
    """One text per option."""
    entries = []
    for name, field in sorted(model.model_fields.items(), key=lambda item: rank(item[1])):
        comment = textwrap.wrap(field.description or "", _WIDTH)
        inner = section(field)
        if inner is not None:
            line = f"{name}:\n" + textwrap.indent("\n".join(_entries(inner)), "  ")
        else:
            comment.append(f"({_facts(field)})")
            line = f"# {name}:\n" if field.is_required() else f"{name}: {_scalar(field.default)}".rstrip() + "\n"
        entries.append("".join(f"# {text}\n" for text in comment) + line)
    return entries


def _facts(field: FieldInfo) -> str:
    kind = bare(field.annotation)
    words = in_words(field.annotation, field.metadata)
    if get_origin(kind) is tuple and get_args(kind)[-1] is Ellipsis:
        words = f"a list, each {words}"
    return f"{words}, required" if field.is_required() else f"{words} or null" if field.default is None else words


def _scalar(value: object) -> str:
    plain = to_jsonable_python(value)
    text: str = yaml.safe_dump(plain, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()
