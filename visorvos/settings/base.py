"""What the settings of all commands share. An option is declared once, with `option`; all else follows from that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

T = TypeVar("T")

ENVIRONMENT = {"data": "VISORVOS_DATA", "coco": "VISORVOS_COCO"}
"""Environment variables that stand in for a required option given neither on the command line nor in a file."""


def option(
    default: Any = ...,  # noqa: ANN401 - of any type, as in pydantic
    description: str | None = None,
    *,
    panel: str = "",
    alias: str | None = None,
    affects_result: bool = True,
    argument: bool = False,
    **limits: Any,  # noqa: ANN401 - passed to pydantic
) -> Any:  # noqa: ANN401 - takes the place of a field's default
    """Declares an option: pydantic's ``Field`` with the marks that the command line and ``--resume`` read.

    Args:
        default: the default; ``...`` for a required option.
        description: its help text. Ranges and the default are appended to it.
        panel: the heading under which ``--help`` shows it.
        alias: a second name, accepted everywhere and hidden in the help.
        affects_result: whether ``--resume`` refuses a run in which it has changed. False for options such as
            ``--device``, and for paths whose *content* the command compares.
        argument: whether the command line takes it by position, without a name.
        limits: other arguments of ``Field``, such as ``ge``.
    """
    marks: dict[str, JsonValue] = {"panel": panel, "affects_result": affects_result, "argument": argument}
    return Field(default, description=description, validation_alias=alias, json_schema_extra=marks, **limits)


inputs = partial(option, panel="Inputs")
source = partial(inputs, affects_result=False)
outputs = partial(option, panel="Outputs", affects_result=False)
computing = partial(option, panel="Computing", affects_result=False)


def mark(field: FieldInfo, name: Literal["panel", "affects_result", "argument"]) -> Any:  # noqa: ANN401 - as given
    """A field's argument to `option`."""
    marks = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return marks.get(name, {"panel": "", "affects_result": True, "argument": False}[name])


class Settings(BaseModel):
    """Strict and immutable: unknown names, values out of range, infinity and NaN are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True, populate_by_name=True
    )

    def result_options(self) -> dict[str, Any]:
        """The options that affect the result, as plain values by name: what a run records for ``--resume``."""
        values = self.model_dump(mode="json")
        return {name: values[name] for name, field in type(self).model_fields.items() if mark(field, "affects_result")}

    def panel(self, heading: str) -> dict[str, Any]:
        """The options under a heading of ``--help``, by name or, if there is one, by second name.

        Those of "Memory" are arguments of `segment_video`: a new one is declared, and is there.
        """
        fields = type(self).model_fields.items()
        shown = {name: field for name, field in fields if mark(field, "panel") == heading}
        return {str(field.validation_alias or name): getattr(self, name) for name, field in shown.items()}

    def changed_since(self, record: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """The options that affect the result and differ from a recorded run.

        An option that the record lacks counts as its default: it did not exist yet. So runs recorded before an option
        was added can be resumed.

        Args:
            record: plain values by name, from `result_options` of an earlier run. Other entries are ignored.

        Returns:
            The recorded and the present value by name; an option inside a section as ``section.name``.
        """
        changed: dict[str, tuple[Any, Any]] = {}
        for name, value in self.result_options().items():
            field, mine = type(self).model_fields[name], getattr(self, name)
            default = None if field.is_required() else to_jsonable_python(field.get_default(call_default_factory=True))
            before = record.get(name, record.get(str(field.validation_alias), default))
            if isinstance(mine, Settings) and isinstance(before, Mapping):
                changed |= {f"{name}.{inner}": pair for inner, pair in mine.changed_since(before).items()}
            elif value != before:
                changed[name] = (before, value)
        return changed


def must(holds: Callable[[Any], object], what: str) -> AfterValidator:
    """A check of an option's value for ``Annotated``; its error reads "--option must", then ``what``."""

    def check(value: T) -> T:
        if not holds(value):
            raise ValueError(f"must {what}")
        return value

    return AfterValidator(check)


def ends_in(*suffixes: str) -> AfterValidator:
    """A check of a path's suffix, without regard to case."""
    shown = " or ".join(filter(None, (", ".join(suffixes[:-1]), suffixes[-1])))
    return must(lambda path: path.suffix.lower() in suffixes, f"end in {shown}")


def bare(annotation: Any) -> Any:  # noqa: ANN401 - types as values
    """A field's type without None and constraints."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return bare(next(part for part in get_args(annotation) if part is not NoneType))
    return annotation


def section(field: FieldInfo) -> type[Settings] | None:
    """The settings that a field groups, or None for a plain option.

    A section is a mapping in a config file, such as ``augmentation: {rotation: 30}``; the command line lacks it.
    """
    kind = bare(field.annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


WEIGHTS_HELP = "Checkpoint (.pth or .safetensors), published name (see download-weights --list), or hf://USER/NAME."
DATA_HELP = "Data set folder in the layout of DAVIS (JPEGImages, Annotations, ImageSets) or YouTube-VOS."

Resolution = Annotated[
    str | None,
    inputs(
        ..., "Name of the folder between JPEGImages and the sequences, such as 480p. Default: 480p, or the only one."
    ),
]
Weights = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, Path) else given)]
"""A checkpoint's path, the name of published weights, or hf://USER/NAME: see `load_weights`."""


Device = Annotated[
    str,
    computing(..., "Device to compute on: cpu, cuda, cuda:N, mps, or auto (a GPU if there is one)."),
    must(re.compile(r"auto|cpu|mps|cuda(:\d+)?").fullmatch, "be auto, cpu, cuda, cuda:N or mps"),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    computing(
        ...,
        "Precision of the network: float32, bfloat16, or auto (bfloat16 on a GPU that supports it and, in predict, on "
        "a CPU with AMX or AVX512-BF16).",
    ),
]
NumWorkers = Annotated[int, computing(..., "Number of worker processes; 0 uses one per core.", alias="workers", ge=0)]
ShortSide = Annotated[
    int,
    option(
        ...,
        "Short side in pixels to which frames are resized for the network; -1 keeps the original size.",
        panel="Memory",
    ),
    must(lambda size: size == -1 or size >= 16, "be at least 16 pixels, or -1"),
]


def split_at_commas(values: object) -> object:
    """Numbers, from numbers or texts such as "0,1"."""
    parts = values if isinstance(values, (list, tuple)) else [values]
    return [number for part in parts for number in (part.split(",") if isinstance(part, str) else [part])]
