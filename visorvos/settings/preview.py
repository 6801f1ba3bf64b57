"""Options of ``visorvos preview``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from visorvos.settings.base import Settings

__all__ = ["PreviewSettings"]


class PreviewSettings(Settings):
    """Draw frames of a prepared data set with masks, ids and object names, as one picture."""

    data: Path = Field(description="Data set in DAVIS's shape: JPEGImages, Annotations, ImageSets.")
    split: str = Field("train", description="Name of a list in ImageSets, such as train or val.")
    sequence: tuple[str, ...] = Field(
        (), description="Sequence to show; may be given several times. Default: spread over the split."
    )
    frames: Annotated[int, Field(ge=1, le=400, description="Frames to show, spread over the sequences.")] = 12
    columns: Annotated[int, Field(ge=1, le=20, description="Frames side by side.")] = 3
    width: Annotated[int, Field(ge=160, le=1920, description="Width of one frame in pixels.")] = 480
    output: Path = Field(Path("preview.jpg"), description="Picture to write, .jpg or .png.")

    @field_validator("output")
    @classmethod
    def _a_picture(cls, output: Path) -> Path:
        if output.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            raise ValueError("The picture is a .jpg or .png file.")
        return output
