"""From a settings class to the options of a command, and from what was typed to settings."""

from __future__ import annotations

import difflib
import inspect
import os
import re
import reprlib
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
from visorvos.cli.config_file import in_range, in_words
from visorvos.core.io.settings_file import read_settings
from visorvos.errors import VisorVosError
from visorvos.settings.base import ENVIRONMENT, Settings, bare, mark, section

__all__ = ["UsageError", "help_option", "resolve", "signature"]

_MAX_SHOWN = 200
S = TypeVar("S", bound=Settings)


class UsageError(VisorVosError):
    """Wrong usage of a command: exit code 2."""


def signature(model: type[Settings]) -> inspect.Signature:
    """The signature that Typer reads: a parameter for each plain field, None where it was not typed.

    Second names and the ``--no-`` forms of switches are parameters too, hidden in the help.
    """
    plain = {name: field for name, field in model.model_fields.items() if section(field) is None}
    # Arguments come first on a usage line, and panels have one order in all commands.
    ordered = sorted(plain, key=lambda name: (not mark(plain[name], "argument"), _rank(plain[name])))
    parameters = []
    for name in ordered:
        field = plain[name]
        parameters.append(_parameter(name, field))
        if field.validation_alias is not None:
            parameters.append(_hidden(str(field.validation_alias), _typed(field)))
        if _typed(field) is bool:
            parameters.append(_hidden(f"no_{name}", bool))
    groups = [name for name, field in model.model_fields.items() if section(field) is not None]
    also = f" Also holds {', '.join(groups)}, which the command line lacks; see config." if groups else ""
    general = (
        ("config", Path | None, None, f"YAML file of options; the command line overrides it.{also}"),
        ("json", bool, False, "Print the result as JSON on standard output."),
        ("quiet", bool, False, "Print no progress and no notes; errors are still printed."),
    )
    for name, annotation, default, text in general:
        metavar = "" if annotation is bool else "FILE"
        option = typer.Option(f"--{name}", help=text, show_default=False, metavar=metavar, rich_help_panel="General")
        parameters.append(_keyword(name, Annotated[annotation, option], default))
    parameters.append(_keyword("show_help", Annotated[bool, help_option("General")], False))
    return inspect.Signature(parameters)


def help_option(panel: str | None = None) -> Any:  # noqa: ANN401 - as Typer's
    """``--help`` without the type that Typer's own shows."""
    return typer.Option(
        *("--help", "-h"),
        is_eager=True,
        callback=_show_help,
        help="Show this message and exit.",
        show_default=False,
        metavar="",
        rich_help_panel=panel,
    )


def _show_help(ctx: typer.Context, asked: bool) -> None:
    if asked:
        typer.echo(ctx.get_help())
        raise typer.Exit


def _rank(field: FieldInfo) -> int:
    return {"Inputs": 0, "Outputs": 1, "Computing": 3}.get(mark(field, "panel"), 2)


def _hidden(name: str, kind: Any) -> inspect.Parameter:  # noqa: ANN401 - a type as value
    option = typer.Option(_flag(name), hidden=True, show_default=False)
    return _keyword(name, Annotated[kind | None, option], None)


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
        found[name] = not value if is_negated else value
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
    values = {**_from_environment(model), **from_file, **given}
    try:
        return model(**values)
    except ValidationError as error:
        # An optional one, such as --data of preview, stands in where the other options do not suffice.
        for name, variable in ENVIRONMENT.items():
            if name in model.model_fields and name not in values and os.environ.get(variable):
                with suppress(ValidationError):
                    return model(**values, **{name: os.environ[variable]})
        faults = [
            _sentence(fault, model, config if fault["loc"] and fault["loc"][0] in {*from_file} - {*given} else None)
            for fault in error.errors()
        ]
        remedy = "Correct it and run the command again." if command is None else f"Example: {command.example}"
        if command is not None and all(fault.startswith(f"{config}: ") for fault in faults):
            remedy = f"Print what the file can hold: visorvos config {command.name}"
        raise UsageError("\n".join(dict.fromkeys(faults)), remedy) from error


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    complete = completion(name, field)
    if mark(field, "argument"):
        parameter: Any = typer.Argument(
            help=field.description, metavar=name.upper(), show_default=False, autocompletion=complete
        )
    else:
        parameter = typer.Option(
            _flag(name),
            help=_help(name, field),
            show_default=False,
            metavar=_metavar(field),
            rich_help_panel=mark(field, "panel"),
            autocompletion=complete,
        )
    return _keyword(name, Annotated[_typed(field) | None, parameter], None)


def _typed(field: FieldInfo) -> Any:  # noqa: ANN401 - a type as value
    """The type for Typer: text unless Typer itself must know, so that all values are checked in one place."""
    kind = bare(field.annotation)
    return kind if kind in (bool, Path) else list[str] if get_origin(kind) is tuple else str


def _metavar(field: FieldInfo) -> str:
    """What stands beside an option's name; choices are in the description, where they can be wrapped."""
    kind = bare(field.annotation)
    kind = bare(get_args(kind)[0]) if get_origin(kind) is tuple else kind
    return {bool: "", int: "INT", float: "FLOAT", Path: "PATH"}.get(kind, "NAME" if choices_of(field) else "TEXT")


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _help(name: str, field: FieldInfo) -> str:
    """The field's description, its choices, its range, and its default."""
    description, _, default_in_words = (field.description or "").partition(" Default: ")
    parts = [description]
    choices, limits, default = choices_of(field), in_range(field.metadata), field.default
    if not all(re.search(rf"\b{choice}\b", description) for choice in choices):
        parts.append(f"Choices: {', '.join(choices)}.")
    if limits:
        parts.append(f"{limits[0].upper()}{limits[1:]}.")
    if default_in_words:
        parts.append(f"Default: {default_in_words}")
    elif field.is_required():
        variable = _environment(name, field)
        parts.append(f"Required, unless the environment has {variable}." if variable else "Required.")
    elif default is True:
        parts.append(f"Default: on ({_flag(f'no_{name}')} turns it off).")
    elif default is not False and default not in (None, ()):
        values = default if isinstance(default, tuple) else (default,)
        shown = ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)
        parts.append(f"Default: {shown}.")
    return " ".join(parts)


def _environment(name: str, field: FieldInfo) -> str | None:
    """The environment variable that stands in for an option."""
    return ENVIRONMENT.get(name) if field.is_required() else None


def _from_environment(model: type[Settings]) -> dict[str, str]:
    variables = ((name, _environment(name, field)) for name, field in model.model_fields.items())
    return {name: os.environ[variable] for name, variable in variables if variable and os.environ.get(variable)}


def _sentence(fault: ErrorDetails, model: type[Settings], config: Path | None) -> str:
    """One fault of pydantic's in our words: which option, what it must be, what it is."""
    reason = fault["msg"].removeprefix("Value error, ").rstrip(".")
    if not fault["loc"]:
        return f"{reason}."
    outer, key, holder = _place([str(part) for part in fault["loc"]], model)
    path = ".".join([*outer, key])
    field = holder.model_fields.get(key)
    if field is None:
        names = _names(holder)
        near = difflib.get_close_matches(key.replace("-", "_"), names, n=1)
        hint = f" Did you mean {'.'.join([*outer, names[near[0]]])}?" if near else ""
        return f"{config}: no such option: {path}.{hint}"
    if config is not None or outer or section(field) is not None:
        shown = path
    else:
        shown = key.upper() if mark(field, "argument") else _flag(key)
    if fault["type"] == "missing" and fault["loc"][-1] == key:
        return f"{shown} is missing."
    if fault["type"] != "value_error":
        allowed = in_words(field.annotation, field.metadata)
        reason = "must be a group of options, one `name: value` per line" if section(field) else f"must be {allowed}"
    source = f"{config}: {shown}" if config is not None else shown
    got = (
        "" if isinstance(fault["input"], (dict, Settings)) or ", got " in reason else f", got {_brief(fault['input'])}"
    )
    return f"{source} {reason}{got}."


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
    if isinstance(given, (int, float, Path)):
        return str(given)[:_MAX_SHOWN]
    if isinstance(given, str):
        return f"'{given[:_MAX_SHOWN]}'" if re.search(r"[^\w.+-]|[^\W\d]|^$", given) else given[:_MAX_SHOWN]
    if given is None:
        return "nothing"
    if isinstance(given, (list, tuple)):
        return "a list of other values" if len(given) != 1 else _brief(given[0])
    return reprlib.repr(given)[:_MAX_SHOWN]
