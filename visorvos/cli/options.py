"""From a settings model to the options of a command, and from what was typed to settings."""

from __future__ import annotations

import difflib
import inspect
import reprlib
from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from visorvos.errors import VisorVosError
from visorvos.settings.base import Settings

__all__ = ["UsageError", "resolve", "signature"]

_MOST_BYTES = 1 << 20
_LONGEST = 200
S = TypeVar("S", bound=Settings)


class UsageError(VisorVosError):
    """The command was called wrongly."""


def signature(model: type[Settings]) -> inspect.Signature:
    """The signature that Typer reads: a parameter for each field, None where it was not typed."""
    parameters = [_parameter(name, field) for name, field in model.model_fields.items()]
    # Arguments come first on a usage line.
    parameters.sort(key=lambda parameter: not _is_argument(model.model_fields[parameter.name]))
    config = typer.Option("--config", help="YAML file with these options; the command line goes over it.")
    json = typer.Option("--json", help="Print results as JSON on standard output.", show_default=False)
    parameters.append(_keyword("config", Annotated[Path | None, config], None))
    parameters.append(_keyword("json", Annotated[bool, json], False))
    return inspect.Signature(parameters)


def resolve(model: type[S], typed: Mapping[str, object], config: Path | None) -> S:
    """Settings from the command line over the config file over the defaults.

    Args:
        model: the command's settings.
        typed: what stood on the command line; None and empty lists were not typed.
        config: a YAML file with the settings' own names.

    Raises:
        UsageError: where a value is missing, unknown or out of range.
        VisorVosError: where the file cannot be read.
    """
    from_file = {} if config is None else _read_config(config)
    given = {name: value for name, value in typed.items() if value is not None and value != []}
    try:
        return model(**{**from_file, **given})
    except ValidationError as error:
        faults = [
            _sentence(fault, model, config if fault["loc"][:1] != () and fault["loc"][0] not in given else None)
            for fault in error.errors()
        ]
        raise UsageError(" ".join(faults), "See --help.") from error


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = _bare(field.annotation)
    flag = f"--{name.replace('_', '-')}"
    if _is_argument(field):
        parameter: Any = typer.Argument(help=field.description, metavar=name.upper(), show_default=False)
    else:
        parameter = typer.Option(
            f"{flag}/--no-{flag[2:]}" if kind is bool else flag,
            help=_help(field),
            show_default=False,
            metavar=_choices(field),
        )
    return _keyword(name, Annotated[kind | None, parameter], None)


def _keyword(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - types as values
    """The type without None and constraints; a tuple of any length is a list to Typer."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _bare(next(part for part in get_args(annotation) if part is not NoneType))
    if get_origin(annotation) is tuple:
        return list[str]
    return annotation


def _is_argument(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("argument"))


def _choices(field: FieldInfo) -> str | None:
    """What Typer does not show by itself: the choices of an option that may be given several times."""
    if get_origin(field.annotation) is not tuple or get_origin(get_args(field.annotation)[0]) is not Literal:
        return None
    return "[" + "|".join(get_args(get_args(field.annotation)[0])) + "]"


def _help(field: FieldInfo) -> str:
    """The field's description, and its default or that it has none."""
    default = field.default
    if field.is_required():
        return f"{field.description} (required)"
    if default is None or default == ():
        return field.description or ""
    if isinstance(default, bool):
        shown = "yes" if default else "no"
    else:
        shown = ", ".join(default) if isinstance(default, tuple) else str(default)
    return f"{field.description} Default: {shown}."


def _read_config(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise VisorVosError(f"The config file {path} has more bytes than can be meant.", "Give a YAML file.")
        content = yaml.safe_load(text.decode())
    except RecursionError as error:
        raise VisorVosError(f"The config file {path} is nested too deep.", "Give a YAML file of options.") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or " ".join(str(error).split())
        raise VisorVosError(f"The config file {path} cannot be read: {reason}.", "Give a YAML file.") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise VisorVosError(f"The config file {path} holds no settings.", "Write one `name: value` a line.")
    return content


def _sentence(fault: ErrorDetails, model: type[Settings], config: Path | None) -> str:
    where = ".".join(map(str, fault["loc"]))
    field = model.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
    shown = f"--{where.replace('_', '-')}" if field is None or not _is_argument(field) else where.upper()
    if fault["type"] == "missing":
        return f"{shown} is missing."
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where, model.model_fields, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        return f"{config or 'The settings'}: there is no option named {where}.{hint}"
    reason = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return f"{reason.rstrip('.')}."
    source = f"{config}: {where}" if config is not None else shown
    return f"{source}: {reason[0].lower()}{reason[1:]} (given: {_brief(fault['input'])})."


def _brief(given: object) -> str:
    """A value for a sentence; YAML's aliases can make one that would not fit in memory when written out."""
    return str(given)[:_LONGEST] if isinstance(given, (str, int, float)) else reprlib.repr(given)[:_LONGEST]
