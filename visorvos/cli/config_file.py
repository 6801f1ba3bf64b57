"""A command's options as a YAML file with a comment on each, and what a value must be in words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from visorvos._version import __version__
from visorvos.settings.base import Settings, section

__all__ = ["commented_yaml", "in_range", "in_words"]

_WIDTH = 100

_TYPES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "string": "text"}


def commented_yaml(command: str, model: type[Settings]) -> str:
    """All options with descriptions, types, ranges and defaults, as ``--config`` takes them.

    Required options are commented out: fill them in, or give them on the command line.

    Args:
        command: the command's name.
        model: its settings.
    """
    head = f"# Options of `visorvos {command}`, version {__version__}.\n# Use: visorvos {command} --config FILE\n"
    return "\n".join([head, *_entries(model, model.model_json_schema(by_alias=False), {})])


def in_words(schema: Mapping[str, Any]) -> str:
    """What a value must be, from its field's JSON schema, such as "a whole number, at least 1"."""
    if "anyOf" in schema:
        return " or ".join(in_words(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return _either(schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        if "prefixItems" in schema:
            return f"{len(schema['prefixItems'])} values, each {in_words(schema['prefixItems'][0])}"
        return in_words(schema["items"])
    kind = "a path" if schema.get("format") == "path" else _TYPES.get(str(schema.get("type")), "a value")
    return ", ".join(filter(None, (kind, in_range(schema)))).replace(", from", " from")


def in_range(schema: Mapping[str, Any]) -> str:
    """The limits of a field's JSON schema in words, such as "at least 0, at most 1"; "" without any."""
    words = {
        "both": "from {}",
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
    }
    # Limits of a value that may be left out lie one level deeper.
    limits = {key: value for part in (schema, *schema.get("anyOf", ())) for key, value in part.items() if key in words}
    if {"minimum", "maximum"} <= limits.keys():
        limits = {"both": f"{limits.pop('minimum')} to {limits.pop('maximum')}", **limits}
    return ", ".join(words[key].format(value) for key, value in limits.items())


def _either(choices: Sequence[object]) -> str:
    *rest, last = map(str, choices)
    return f"{', '.join(rest)} or {last}" if rest else last


def _entries(model: type[Settings], schema: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """One text per option; ``values`` take the place of the model's own defaults."""
    entries = []
    for name, field in model.model_fields.items():
        part = schema["properties"][name]
        inner = section(field)
        required = field.is_required() and name not in values
        default = None if required else values.get(name, field.get_default(call_default_factory=True))
        comment = [] if field.description is None else textwrap.wrap(field.description, _WIDTH)
        if inner is None:
            null = "or null" if default is None and not required else ""
            several = "a list, each" if part.get("type") == "array" and "items" in part else ""
            words = " ".join(filter(None, (several, in_words(part), null)))
            facts = [words, "required" if required else ""]
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
                "(a group of options, required)" if required else "(a group of options, not used by default)"
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
