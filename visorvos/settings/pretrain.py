"""Options of ``visorvos pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from visorvos.settings.base import NO_EFFECT, Settings
from visorvos.settings.training import Factors, MaxObjects, Probability, TrainingSettings

__all__ = ["CocoAugmentation", "PretrainSettings"]

Pixels = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=100)]


class CocoAugmentation(Settings):
    """How a clip is made of one image, and of objects of other images that are pasted."""

    flip: Probability = Field(default=0.5, description="Probability that a clip is mirrored.")
    corner_shift: Annotated[
        float, Field(ge=0, lt=0.25, description="Share of the side by which corners move from frame to frame.")
    ] = 0.1
    pasting: Probability = Field(default=0.5, description="Probability that objects of other images are laid upon it.")
    min_own: Pixels = Field(default=2000, description="Minimum area of the image's own objects.")
    max_own: Count = Field(default=5, description="Maximum number of its own objects when others are pasted.")
    pasted: tuple[Count, Count] = Field(default=(1, 3), description="Least and greatest number of the others.")
    min_pasted_box: Pixels = Field(default=3000, description="Minimum area of a pasted object's box.")
    drift: tuple[Pixels, Pixels] = Field(default=(40, 20), description="Most pixels that it moves in x and in y.")
    rotation: Annotated[float, Field(ge=0, le=180, description="Degrees that it turns, either way.")] = 30
    shear: Annotated[float, Field(ge=0, le=60, description="Degrees, either way.")] = 20
    scale: Factors = Field(default=(0.8, 1.2), description="Range of its scale on x and y apart.")
    min_visible: Pixels = Field(default=350, description="Objects of no more pixels in frame 1 do not count.")

    @field_validator("pasted")
    @classmethod
    def _fewest_first(cls, pasted: tuple[int, int]) -> tuple[int, int]:
        if pasted[0] > pasted[1]:
            raise ValueError("the fewest come first, the most second")
        return pasted


class PretrainSettings(TrainingSettings):
    """Stage 1: train on clips made of the images and objects of MS-COCO."""

    panels: ClassVar = {"Inputs": ("coco", "split"), "Validation": ("validate_on",)}

    coco: Annotated[Path, NO_EFFECT] = Field(
        description="Folder that holds annotations/instances_SPLIT.json and SPLIT/."
    )
    split: str = Field(default="train2017", description="Split of COCO to train on.")
    max_objects: MaxObjects = 5
    validate_on: Annotated[Path | None, NO_EFFECT] = Field(
        default=None, description="Data set in DAVIS's shape that is evaluated, such as VISOR_2022."
    )
    augmentation: CocoAugmentation = Field(default_factory=CocoAugmentation, description="How clips are made.")
