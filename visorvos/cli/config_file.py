"""A command's settings as a YAML file with a comment on each."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from visorvos._version import __version__
from visorvos.settings.base import Settings, section

__all__ = ["commented_yaml", "describe_range"]

_WIDTH = 100

_TYPES = {"integer": "whole number", "number": "number", "boolean": "true or false", "string": "text"}


def commented_yaml(command: str, model: type[Settings]) -> str:
    """All settings with descriptions, types, ranges and defaults, as ``--config`` takes them.

    What must be given stands in a comment: the file can be fed back once it is given there or on the command line.

    Args:
        command: the command's name.
        model: its settings.
    """
    head = f"# Settings of `visorvos {command}`, version {__version__}.\n# Use: visorvos {command} --config FILE\n"
    return "\n".join([head, *_entries(model, model.model_json_schema(by_alias=False), {})])


def describe_range(schema: Mapping[str, Any]) -> str:
    """The limits of a field's JSON schema in words, such as "at least 0, at most 1"; "" without any."""
    words = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
        "minItems": "at least {} of them",
    }
    # Limits of a value that may be left out lie one level deeper.
    parts = [schema, *(part for part in schema.get("anyOf", ()))]
    if schema.get("type") == "array" and "prefixItems" in schema:
        return ""
    return ", ".join(phrase.format(part[key]) for part in parts for key, phrase in words.items() if key in part)


def _entries(model: type[Settings], schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """One text for each setting; ``values`` stand in for the model's own defaults."""
    entries = []
    for name, field in model.model_fields.items():
        part = schema["properties"][name]
        inner = section(field)
        required = field.is_required() and name not in values
        default = None if required else values.get(name, field.get_default(call_default_factory=True))
        comment = [] if field.description is None else textwrap.wrap(field.description, _WIDTH)
        if inner is None:
            facts = [_type(part), describe_range(part), "required" if required else ""]
            comment.append(f"({', '.join(filter(None, facts))})")
            line = f"{name}: {_scalar(_plain(default))}".rstrip()
            entries.append(_commented(comment) + (f"# {name}:\n" if required else f"{line}\n"))
            continue
        nested = "\n".join(
            _entries(inner, inner.model_json_schema(by_alias=False), dict(default) if default is not None else {})
        )
        block = f"{name}:\n{textwrap.indent(nested, '  ')}"
        if default is None:
            comment.append(
                "(a group of settings, required)" if required else "(a group of settings, not used by default)"
            )
            block = "".join(f"# {line}\n" if line.strip() else "#\n" for line in block.splitlines())
        entries.append(_commented(comment) + block)
    return entries


def _plain(value: object) -> object:
    """A default in types that YAML has."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _scalar(value: object) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    return text.removesuffix("...\n").strip()


def _commented(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _type(schema: Mapping[str, Any]) -> str:
    """What may stand there, in words."""
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type")
    if kind == "null":
        return "null"
    if kind == "array":
        if "prefixItems" in schema:
            return f"list of {len(schema['prefixItems'])}: {', '.join(_type(item) for item in schema['prefixItems'])}"
        return f"list of {_type(schema['items']).removeprefix('one of ')}"
    return "path" if schema.get("format") == "path" else _TYPES.get(str(kind), "any")
