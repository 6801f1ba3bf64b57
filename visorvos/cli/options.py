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
from visorvos.settings.base import ENVIRONMENT, Settings, bare, mark, section

__all__ = ["UsageError", "resolve", "signature"]

_LONGEST = 200
S = TypeVar("S", bound=Settings)


class UsageError(VisorVosError):
    """The command was called wrongly."""


def signature(model: type[Settings]) -> inspect.Signature:
    """The signature that Typer reads: a parameter for each plain field, None where it was not typed.

    Second names and the ``--no-`` forms of switches are parameters too, hidden in the help.
    """
    plain = {name: field for name, field in model.model_fields.items() if section(field) is None}
    schema = model.model_json_schema(by_alias=False)["properties"]
    # Arguments come first on a usage line, and panels have one order in all commands.
    ordered = sorted(plain, key=lambda name: (not mark(plain[name], "argument"), _rank(plain[name])))
    parameters = []
    for name in ordered:
        field, kind = plain[name], bare(plain[name].annotation)
        parameters.append(_parameter(name, field, describe_range(schema[name])))
        if field.validation_alias is not None:
            parameters.append(_hidden(str(field.validation_alias), kind))
        if kind is bool:
            parameters.append(_hidden(f"no_{name}", bool))
    groups = [name for name, field in model.model_fields.items() if section(field) is not None]
    also = f" Also holds {', '.join(groups)}, which the command line lacks; see config." if groups else ""
    general = (
        (
            "config",
            Path | None,
            None,
            f"YAML file of options; the command line overrides it.{also}",
        ),
        ("json", bool, False, "Print the result as JSON on standard output."),
    )
    for name, annotation, default, text in general:
        metavar = "" if annotation is bool else None
        option = typer.Option(f"--{name}", help=text, show_default=False, metavar=metavar, rich_help_panel="General")
        parameters.append(_keyword(name, Annotated[annotation, option], default))
    return inspect.Signature(parameters)


def _rank(field: FieldInfo) -> int:
    return {"Inputs": 0, "Outputs": 1, "Computing": 3}.get(mark(field, "panel"), 2)


def _hidden(name: str, kind: Any) -> inspect.Parameter:  # noqa: ANN401 - a type as value
    option = typer.Option(_flag(name), hidden=True, show_default=False)
    return _keyword(name, Annotated[kind | None, option], None)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _by_name(model: type[Settings], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options under their main names: second names and ``no_`` forms resolved.

    Raises:
        UsageError: for an option that is given under two names.
    """
    names = {str(field.validation_alias): name for name, field in model.model_fields.items()}
    found: dict[str, Any] = {}
    for key, value in given.items():
        is_negated = key.startswith("no_") and key[3:] in model.model_fields
        name = key[3:] if is_negated else names.get(key, key)
        if name in found:
            raise UsageError(f"{_flag(name)} was given twice: {_flag(key)} is the same option.", "Remove one of them.")
        found[name] = not value if is_negated else value
    return found


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
    from_file = {} if config is None else _by_name(model, read_settings(config))
    given = _by_name(model, {name: value for name, value in typed.items() if value is not None and value != []})
    try:
        return model(**{**_from_environment(model), **from_file, **given})
    except ValidationError as error:
        faults = [
            _sentence(fault, model, config if fault["loc"][:1] != () and fault["loc"][0] not in given else None)
            for fault in error.errors()
        ]
        raise UsageError(" ".join(faults), "See --help.") from error


def _parameter(name: str, field: FieldInfo, limits: str) -> inspect.Parameter:
    kind = bare(field.annotation)
    complete = completion(name, field)
    if get_origin(kind) is tuple:
        kind = list[str]
    if mark(field, "argument"):
        parameter: Any = typer.Argument(
            help=field.description, metavar=name.upper(), show_default=False, autocompletion=complete
        )
    else:
        parameter = typer.Option(
            _flag(name),
            help=_help(name, field, limits),
            show_default=False,
            metavar="" if kind is bool else _choices(field),
            rich_help_panel=mark(field, "panel"),
            autocompletion=complete,
        )
    return _keyword(name, Annotated[kind | None, parameter], None)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _choices(field: FieldInfo) -> str | None:
    """What Typer does not show by itself: the choices of an option that may be given several times."""
    if get_origin(field.annotation) is not tuple or get_origin(get_args(field.annotation)[0]) is not Literal:
        return None
    return f"<{'|'.join(get_args(get_args(field.annotation)[0]))}>"


def _help(name: str, field: FieldInfo, limits: str) -> str:
    """The field's description, its range, and its default or that it has none."""
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
        shown = key.upper() if field is not None and mark(field, "argument") else _flag(key)
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
