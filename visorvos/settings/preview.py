"""Options of ``visorvos preview``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, field_validator, model_validator

from visorvos.settings.base import Settings

__all__ = ["PreviewSettings"]


class PreviewSettings(Settings):
    """Draw frames of a prepared data set, or clips as training gets them, with masks, ids and names, as one picture."""

    panels: ClassVar = {
        "Inputs": ("data", "coco", "clips", "training", "split", "sequence"),
        "RunFolder": ("output", "frames", "columns", "width"),
    }

    data: Path | None = Field(
        default=None, description="Data set in DAVIS's shape: JPEGImages, Annotations, ImageSets."
    )
    coco: Path | None = Field(default=None, description="With --clips, in place of --data: the folder of MS-COCO.")
    clips: bool = Field(
        default=False, description="Show clips as training gets them: of finetune with --data, of pretrain with --coco."
    )
    training: Path | None = Field(
        default=None, description="With --clips: YAML file of that command's options. Default: the recipe's."
    )
    split: str | None = Field(
        default=None,
        description="Name of a list in ImageSets, such as train (the default) or val; with --coco its split.",
    )
    sequence: tuple[str, ...] = Field(
        default=(), description="Sequence to show; may be given several times. Default: spread over the split."
    )
    frames: Annotated[int, Field(ge=1, le=400, description="Frames to show, spread over the sequences.")] = 12
    columns: Annotated[int, Field(ge=1, le=20, description="Frames side by side.")] = 3
    width: Annotated[int, Field(ge=160, le=1920, description="Width of one frame in pixels.")] = 480
    output: Path = Field(default=Path("preview.jpg"), description="Picture to write, .jpg or .png.")

    @field_validator("output")
    @classmethod
    def _a_picture(cls, output: Path) -> Path:
        if output.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            raise ValueError("The picture is a .jpg or .png file.")
        return output

    @model_validator(mode="after")
    def _one_source(self) -> PreviewSettings:
        if (self.data is None) == (self.coco is None):
            raise ValueError("Give either --data, or --coco with --clips.")
        if not self.clips and (self.coco is not None or self.training is not None):
            raise ValueError("--coco and --training are for --clips.")
        if self.clips and self.sequence:
            raise ValueError("--sequence is not for --clips: they are drawn from all of the split.")
        return self
