"""What the settings of all commands have in common."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

__all__ = [
    "ENVIRONMENT",
    "NO_EFFECT",
    "Device",
    "Precision",
    "Settings",
    "ShortSide",
    "Weights",
    "Workers",
    "argument",
    "bare",
    "section",
]

ENVIRONMENT = {"data": "VISORVOS_DATA", "coco": "VISORVOS_COCO"}
"""Environment variables that stand in for an option that must be given, where neither line nor file gives it."""

NO_EFFECT = "no effect on the result"
"""Marks a field, as in ``Annotated[int, NO_EFFECT]``: a run may be resumed with another value of it."""


class Settings(BaseModel):
    """Strict and immutable: unknown keys, values out of range and infinite ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False, defer_build=True)

    panels: ClassVar[dict[str, tuple[str, ...]]] = {"Computing": ("device", "precision", "workers")}
    """Options by the heading under which --help shows them; those of the classes that a class is made from add up."""

    @classmethod
    def panel_of(cls, name: str) -> str | None:
        """The heading of an option, or None."""
        panels = (item for kind in cls.__mro__ for item in vars(kind).get("panels", {}).items())
        return next((panel for panel, names in panels if name in names), None)

    def options_that_count(self) -> dict[str, Any]:
        """The options that affect the result, as plain values by name: all that are not marked `NO_EFFECT`."""
        return self.model_dump(mode="json", exclude=_without_effect(type(self)))

    def changed_since(self, before: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """The options that count and had another value in an earlier run.

        Args:
            before: `options_that_count` of the earlier run. It may be of another version: an option that it lacks
                counts as its default, and an option that no longer exists is ignored.

        Returns:
            The value then and now by dotted name, such as "augmentation.rotation".
        """
        kind, now = type(self), self.options_that_count()
        required = {name for name, field in kind.model_fields.items() if field.is_required()}
        same = self.model_dump(include=_without_effect(kind))
        try:
            then = kind(**{**self.model_dump(include=required), **_known(kind, before), **same}).options_that_count()
        except ValidationError:
            # A value that is no longer allowed.
            then = {**now, **before}
        one, other = _flat(then), _flat(now)
        return {name: (one.get(name), value) for name, value in other.items() if one.get(name) != value}


def argument(description: str) -> Any:  # noqa: ANN401 - pydantic's own Field returns Any
    """A required field that stands on the command line by its place, without a name."""
    return Field(description=description, json_schema_extra={"argument": True})


def bare(annotation: Any) -> Any:  # noqa: ANN401 - types as values
    """A field's type without None and constraints."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return bare(next(part for part in get_args(annotation) if part is not NoneType))
    return annotation


def section(field: FieldInfo) -> type[Settings] | None:
    """The settings that a field groups, or None where it is a plain option.

    A section is a mapping in a config file, such as ``augmentation: {rotation: 30}``; the command line lacks it.
    """
    kind = bare(field.annotation)
    return kind if isinstance(kind, type) and issubclass(kind, Settings) else None


def _without_effect(kind: type[Settings]) -> set[str]:
    return {name for name, field in kind.model_fields.items() if NO_EFFECT in field.metadata}


def _known(kind: type[Settings], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that the settings have a field for, in their sections as well."""
    fields = {name: (section(field), values[name]) for name, field in kind.model_fields.items() if name in values}
    return {
        name: value if inner is None or not isinstance(value, Mapping) else _known(inner, value)
        for name, (inner, value) in fields.items()
    }


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return flat


Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Field(description="Where to compute; auto takes a GPU where there is one."),
    NO_EFFECT,
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    Field(description="Arithmetic of the network; auto is bfloat16 on a GPU that has it, else float32."),
    NO_EFFECT,
]
Weights = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, Path) else given)]
"""A checkpoint's path, the name of published weights, or hf://USER/NAME: see `resolve_weights`."""
Workers = Annotated[int, Field(ge=0, description="Processes that share the work; 0 is one for each core."), NO_EFFECT]


def _is_a_length(size: int) -> int:
    if size != -1 and size < 16:
        raise ValueError("the short side in pixels is at least 16, or -1")
    return size


ShortSide = Annotated[
    int,
    Field(description="Short side in pixels at which frames are segmented; -1: as they are."),
    AfterValidator(_is_a_length),
]
