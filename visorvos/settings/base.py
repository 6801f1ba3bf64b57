"""What the settings of all commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Device", "Precision", "Settings", "Weights", "Workers", "argument"]


class Settings(BaseModel):
    """Strict and immutable: unknown keys and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def argument(description: str) -> Any:  # noqa: ANN401 - pydantic's own Field returns Any
    """A required field that stands on the command line by its place, without a name."""
    return Field(description=description, json_schema_extra={"argument": True})


Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"],
    Field(description="Where to compute; auto takes a GPU where there is one."),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    Field(description="Arithmetic of the network; auto is bfloat16 on a GPU that has it, else float32."),
]
Weights = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, Path) else given)]
"""A checkpoint's path, the name of published weights, or hf://USER/NAME: see `resolve_weights`."""
Workers = Annotated[int, Field(ge=0, description="Processes that share the work; 0 is one for each core.")]
