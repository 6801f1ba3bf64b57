"""From a settings model to the options of a command, and from what was typed to settings."""

from __future__ import annotations

import difflib
import inspect
import os
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from visorvos.cli.completion import completion
from visorvos.cli.config_file import describe_range
from visorvos.core.io.settings_file import read_settings
from visorvos.errors import VisorVosError
from visorvos.settings.base import ENVIRONMENT, Settings, bare, section

__all__ = ["UsageError", "resolve", "signature"]

_LONGEST = 200
S = TypeVar("S", bound=Settings)


class UsageError(VisorVosError):
    """The command was called wrongly."""


def signature(model: type[Settings]) -> inspect.Signature:
    """The signature that Typer reads: a parameter for each plain field, None where it was not typed."""
    plain = [name for name, field in model.model_fields.items() if section(field) is None]
    # Takes too long to be asked for of each option.
    schema = model.model_json_schema()["properties"]
    parameters = [_parameter(name, model, describe_range(schema[name])) for name in plain]
    # Arguments come first on a usage line.
    parameters.sort(key=lambda parameter: not _is_argument(model.model_fields[parameter.name]))
    groups = [name for name, field in model.model_fields.items() if section(field) is not None]
    only_there = f" Only there: {', '.join(groups)}." if groups else ""
    config = typer.Option(
        "--config",
        help=f"YAML file with these options; the command line goes over it.{only_there} See: visorvos config.",
    )
    json = typer.Option("--json", help="Print results as JSON on standard output.", show_default=False, metavar="")
    parameters.append(_keyword("config", Annotated[Path | None, config], None))
    parameters.append(_keyword("json", Annotated[bool, json], False))
    return inspect.Signature(parameters)


def resolve(model: type[S], typed: Mapping[str, object], config: Path | None) -> S:
    """Settings from the command line over the config file over the environment over the defaults.

    Args:
        model: the command's settings.
        typed: what stood on the command line; None and empty lists were not typed.
        config: a YAML file with the settings' own names.

    Raises:
        UsageError: where a value is missing, unknown or out of range.
        VisorVosError: where the file cannot be read.
    """
    from_file = {} if config is None else read_settings(config)
    given = {name: value for name, value in typed.items() if value is not None and value != []}
    try:
        return model(**{**_from_environment(model), **from_file, **given})
    except ValidationError as error:
        faults = [
            _sentence(fault, model, config if fault["loc"][:1] != () and fault["loc"][0] not in given else None)
            for fault in error.errors()
        ]
        raise UsageError(" ".join(faults), "See --help.") from error


def _parameter(name: str, model: type[Settings], limits: str) -> inspect.Parameter:
    field = model.model_fields[name]
    kind = bare(field.annotation)
    complete = completion(name, field)
    flag = f"--{name.replace('_', '-')}"
    if get_origin(kind) is tuple:
        kind = list[str]
    if _is_argument(field):
        parameter: Any = typer.Argument(
            help=field.description, metavar=name.upper(), show_default=False, autocompletion=complete
        )
    else:
        parameter = typer.Option(
            f"{flag}/--no-{flag[2:]}" if kind is bool else flag,
            help=_help(name, model, limits),
            show_default=False,
            metavar="" if kind is bool else _choices(field),
            rich_help_panel=model.panel_of(name),
            autocompletion=complete,
        )
    return _keyword(name, Annotated[kind | None, parameter], None)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_argument(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("argument"))


def _choices(field: FieldInfo) -> str | None:
    """What Typer does not show by itself: the choices of an option that may be given several times."""
    if get_origin(field.annotation) is not tuple or get_origin(get_args(field.annotation)[0]) is not Literal:
        return None
    return f"<{'|'.join(get_args(get_args(field.annotation)[0]))}>"


def _help(name: str, model: type[Settings], limits: str) -> str:
    """The field's description, its range, and its default or that it has none."""
    field = model.model_fields[name]
    description = field.description or ""
    if limits:
        description += f" {limits[0].upper()}{limits[1:]}."
    default = field.default
    if field.is_required():
        variable = _environment(name, field)
        return f"{description} (required{f', or {variable} in the environment' if variable else ''})"
    if default is None or default == ():
        return description
    if isinstance(default, bool):
        shown = "yes" if default else "no"
    else:
        shown = ", ".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"{description} Default: {shown}."


def _environment(name: str, field: FieldInfo) -> str | None:
    """The environment variable that stands in for an option."""
    return ENVIRONMENT.get(name) if field.is_required() else None


def _from_environment(model: type[Settings]) -> dict[str, str]:
    variables = ((name, _environment(name, field)) for name, field in model.model_fields.items())
    return {name: os.environ[variable] for name, variable in variables if variable and os.environ.get(variable)}


def _sentence(fault: ErrorDetails, model: type[Settings], config: Path | None) -> str:
    reason = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return f"{reason.rstrip('.')}."
    outer, key, holder = _place([str(part) for part in fault["loc"]], model)
    path = ".".join([*outer, key])
    field = holder.model_fields.get(key)
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, holder.model_fields, n=1)
        hint = f" Did you mean {'.'.join([*outer, near[0]])}?" if near else ""
        return f"{config or 'The settings'}: there is no option named {path}.{hint}"
    if outer or (field is not None and section(field) is not None):
        shown = path
    else:
        shown = key.upper() if field is not None and _is_argument(field) else f"--{key.replace('_', '-')}"
    if fault["type"] == "missing":
        return f"{shown} is missing."
    if fault["type"] == "model_type":
        reason = "Expected a group of settings, one `name: value` a line"
    source = f"{config}: {path}" if config is not None else shown
    given = "" if isinstance(fault["input"], dict) else f" (given: {_brief(fault['input'])})"
    return f"{source}: {reason[0].lower()}{reason[1:].rstrip('.')}{given}."


def _place(path: list[str], model: type[Settings]) -> tuple[list[str], str, type[Settings]]:
    """The sections on the way to a faulty key, the key, and the settings that it belongs to.

    What lies deeper, such as an item of a list, is a fault of the whole option.
    """
    for depth, key in enumerate(path):
        inner = section(model.model_fields[key]) if key in model.model_fields else None
        if inner is None or depth == len(path) - 1:
            return path[:depth], key, model
        model = inner
    raise ValueError("Expected a path of one name at least, got none.")


def _brief(given: object) -> str:
    """A value for a sentence; YAML's aliases can make one that would not fit in memory when written out."""
    return str(given)[:_LONGEST] if isinstance(given, (str, int, float)) else reprlib.repr(given)[:_LONGEST]
