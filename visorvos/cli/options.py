"""From a settings class to the options of a command, and from what was typed to settings."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from visorvos.cli.command import Command
from visorvos.cli.completion import choices_of, completion
from visorvos.cli.config_file import in_range, in_words, rank
from visorvos.core.io.settings_file import read_settings
from visorvos.errors import VisorVosError, did_you_mean
from visorvos.settings.base import ENVIRONMENT, Settings, bare, mark, option, section

_MAX_SHOWN = 200
_GENERAL = {
    name: FieldInfo.from_annotated_attribute(kind, option(None, text, panel="General"))
    for name, kind, text in (
        ("config", Path, "YAML file of options, as visorvos config prints it; the command line overrides it."),
        ("json", bool, "Print the result as JSON on standard output."),
        ("quiet", bool, "Print no progress and no notes; errors are still printed."),
    )
}
"""Options of all commands."""
S = TypeVar("S", bound=Settings)


class UsageError(VisorVosError):
    """Wrong usage of a command: exit code 2."""


def signature(model: type[Settings]) -> inspect.Signature:
    """The signature that Typer reads: a parameter for each plain field, None where it was not typed.

    Second names and the ``--no-`` forms of switches are parameters too, hidden in the help.
    """
    plain = {name: field for name, field in model.model_fields.items() if section(field) is None}
    parameters = []
    for name, field in sorted((plain | _GENERAL).items(), key=lambda item: rank(item[1])):
        both: dict[str, Any] = {
            "help": _help(name, field),
            "show_default": False,
            "autocompletion": completion(name, field),
        }
        if mark(field, "argument"):
            shown = typer.Argument(metavar=name.upper(), **both)
        else:
            shown = typer.Option(_flag(name), metavar=_metavar(field), rich_help_panel=mark(field, "panel"), **both)
        parameters.append(_parameter(name, field, shown))
        second = [str(field.validation_alias)] if field.validation_alias is not None else []
        negated = [f"no_{name}"] if bare(field.annotation) is bool and name not in _GENERAL else []
        parameters += [_parameter(other, field, typer.Option(_flag(other), hidden=True)) for other in second + negated]
    return inspect.Signature(parameters)


def _parameter(name: str, field: FieldInfo, shown: Any) -> inspect.Parameter:  # noqa: ANN401 - as Typer's
    """A parameter of text unless Typer itself must know the type, so that all values are checked in one place."""
    kind = bare(field.annotation)
    typed: Any = kind if kind in (bool, Path) else list[str] if get_origin(kind) is tuple else str
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[typed | None, shown]
    )


def _is_list(field: FieldInfo) -> bool:
    return get_args(bare(field.annotation))[1:] == (...,)


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _names(model: type[Settings]) -> dict[str, str]:
    """The main name of each option by main and second name."""
    fields = model.model_fields
    seconds = {str(field.validation_alias): name for name, field in fields.items() if field.validation_alias}
    return {name: name for name in fields} | seconds


def _by_name(model: type[Settings], given: Mapping[str, Any]) -> dict[str, Any]:
    """Options under their main names: second names and ``no_`` forms resolved.

    Raises:
        UsageError: for an option that is given under two names.
    """
    names = _names(model)
    found: dict[str, Any] = {}
    for key, value in given.items():
        is_negated = key.startswith("no_") and key[3:] in model.model_fields
        name = key[3:] if is_negated else names.get(key, key)
        if name in found:
            raise UsageError(f"{_flag(name)} was given twice: {_flag(key)} is the same option.", "Remove one of them.")
        is_one_of_a_list = isinstance(value, str) and name in model.model_fields and _is_list(model.model_fields[name])
        found[name] = not value if is_negated else [value] if is_one_of_a_list else value
    return found


def resolve(
    model: type[S], typed: Mapping[str, object], config: Path | None, command: Command[Any, Any] | None = None
) -> S:
    """Settings from the command line over the config file over the environment over the defaults.

    Args:
        model: the command's settings.
        typed: what stood on the command line; None and empty lists were not typed.
        config: a YAML file with the settings' own names.
        command: whose example an error shows.

    Raises:
        UsageError: for a value that is missing, unknown or out of range; one line per fault.
        VisorVosError: when the file cannot be read.
    """
    from_file = {} if config is None else _by_name(model, read_settings(config))
    given = _by_name(model, {name: value for name, value in typed.items() if value is not None and value != []})
    fields, values = model.model_fields, {**from_file, **given}
    variables = {name: os.environ.get(variable) for name, variable in ENVIRONMENT.items() if name in fields}
    stand_ins = {name: value for name, value in variables.items() if value and name not in values}
    values |= {name: value for name, value in stand_ins.items() if fields[name].is_required()}
    try:
        return model(**values)
    except ValidationError as error:
        # An optional one, such as --data of preview, stands in where the other options do not suffice.
        for name, value in stand_ins.items():
            with suppress(ValidationError):
                return model(**{**values, name: value})
        faults = [
            _sentence(fault, model, config if fault["loc"] and fault["loc"][0] in {*from_file} - {*given} else None)
            for fault in error.errors()
        ]
        remedy = "Correct it and run the command again." if command is None else f"Example: {command.example}"
        if command is not None and all(fault.startswith(f"{config}: ") for fault in faults):
            remedy = f"Print what the file can hold: visorvos config {command.name}"
        raise UsageError("\n".join(dict.fromkeys(faults)), remedy) from error


def _metavar(field: FieldInfo) -> str:
    """What stands beside an option's name; choices are in the description, where they can be wrapped."""
    kind = bare(field.annotation)
    kind = bare(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    return {bool: "", int: "INT", float: "FLOAT", Path: "PATH"}.get(kind, "NAME" if choices_of(field) else "TEXT")


def _help(name: str, field: FieldInfo) -> str:
    """The field's description, its choices, its range, and its default."""
    description, _, default_in_words = (field.description or "").partition(" Default: ")
    parts = [description]
    choices, limits, default = choices_of(field), in_range(field.metadata), field.default
    if not all(re.search(rf"\b{choice}\b", description) for choice in choices):
        parts.append(f"Choices: {', '.join(choices)}.")
    if limits:
        parts.append(f"{limits[0].upper()}{limits[1:]}.")
    if _is_list(field) and not mark(field, "argument"):
        parts.append("Can be given several times.")
    if default_in_words:
        parts.append(f"Default: {default_in_words}")
    elif field.is_required():
        variable = ENVIRONMENT.get(name)
        parts.append(f"Required, unless the environment has {variable}." if variable else "Required.")
    elif default is True:
        parts.append(f"Default: on ({_flag(f'no_{name}')} turns it off).")
    elif default is not False and default not in (None, ()):
        values = default if isinstance(default, tuple) else (default,)
        shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        parts.append(f"Default: {shown}.")
    return " ".join(parts)


def _sentence(fault: ErrorDetails, model: type[Settings], config: Path | None) -> str:
    """One fault of pydantic's in our words: which option, what it must be, what it is."""
    reason = fault["msg"].removeprefix("Value error, ").rstrip(".")
    if not fault["loc"]:
        return f"{reason}."
    path, holder, field = [], model, None
    # What lies deeper than an option, such as an item of a list, is a fault of the whole option.
    for key in map(str, fault["loc"]):
        path.append(_names(holder).get(key, key))
        field = holder.model_fields.get(path[-1])
        inner = section(field) if field is not None else None
        if inner is None:
            break
        holder = inner
    name = ".".join(path)
    if field is None:
        names = {known: ".".join([*path[:-1], main]) for known, main in _names(holder).items()}
        return f"{config}: no such option: {name}.{did_you_mean(path[-1].replace('-', '_'), names, names)}"
    if config is not None or len(path) > 1 or section(field) is not None:
        shown = name if config is None else f"{config}: {name}"
    else:
        shown = name.upper() if mark(field, "argument") else _flag(name)
    if fault["type"] == "missing" and len(path) == len(fault["loc"]):  # not a part of its value
        return f"{shown} is missing."
    if fault["type"] != "value_error":
        allowed = in_words(field.annotation, field.metadata)
        reason = "must be a group of options, one `name: value` per line" if section(field) else f"must be {allowed}"
    is_told = ", got " in reason or (section(field) and isinstance(fault["input"], (dict, Settings)))
    return f"{shown} {reason}." if is_told else f"{shown} {reason}, got {_brief(fault['input'])}."


def _brief(given: object) -> str:
    """A value for a sentence. Lists and groups are not written out: YAML's aliases can make them endless."""
    if isinstance(given, (list, tuple)):
        return _brief(given[0]) if len(given) == 1 else "a list"
    if isinstance(given, (dict, set)):
        return "a group of options"
    if isinstance(given, bytes):
        return "binary data"
    text = "nothing" if given is None else str(given)[:_MAX_SHOWN]
    return f"'{text}'" if isinstance(given, str) and not re.fullmatch(r"[\d.+-]+", text) else text
