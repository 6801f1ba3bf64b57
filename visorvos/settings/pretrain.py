"""Options of ``visorvos pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from visorvos.settings.base import Settings, option
from visorvos.settings.training import Factors, MaxObjects, Probability, TrainingSettings

__all__ = ["CocoAugmentation", "PretrainSettings"]

Pixels = Annotated[int, Field(ge=0)]
Count = Annotated[int, Field(ge=0, le=100)]


class CocoAugmentation(Settings):
    """How a clip is made from one image, and from objects of other images that are pasted on it."""

    flip: Probability = option(0.5, "Probability that a clip is mirrored.")
    corner_shift: float = option(
        0.1, "Maximum movement of the corners from frame to frame, as a share of the side.", ge=0, lt=0.25
    )
    pasting: Probability = option(0.5, "Probability that objects of other images are pasted.")
    min_own: Pixels = option(2000, "Minimum area in pixels of the image's own objects.", alias="least_own")
    max_own: Count = option(5, "Maximum number of own objects when others are pasted.", alias="most_own")
    pasted: tuple[Count, Count] = option((1, 3), "Minimum and maximum number of pasted objects.")
    min_pasted_box: Pixels = option(
        3000, "Minimum area in pixels of a pasted object's bounding box.", alias="least_pasted_box"
    )
    drift: tuple[Pixels, Pixels] = option((40, 20), "Maximum movement of a pasted object per frame, in x and y pixels.")
    rotation: float = option(30, "Maximum rotation of a pasted object in degrees, either way.", ge=0, le=180)
    shear: float = option(20, "Maximum shear of a pasted object in degrees, either way.", ge=0, le=60)
    scale: Factors = option((0.8, 1.2), "Range of the scale factors of a pasted object on x and y.")
    min_visible: Pixels = option(
        350, "Pixels in frame 1 that an object must exceed to be trained on.", alias="least_visible"
    )

    @field_validator("pasted")
    @classmethod
    def _is_ordered(cls, pasted: tuple[int, int]) -> tuple[int, int]:
        if pasted[0] > pasted[1]:
            raise ValueError("must be the minimum, then the maximum")
        return pasted


class PretrainSettings(TrainingSettings):
    """Train stage 1: on clips made from the images and objects of MS-COCO."""

    coco: Path = option(
        description="MS-COCO folder, with annotations/instances_SPLIT.json and SPLIT/.",
        panel="Inputs",
        affects_result=False,
    )
    split: str = option("train2017", "Split of MS-COCO to train on.", panel="Inputs")
    max_objects: MaxObjects = 5
    validate_on: Path | None = option(
        None,
        "Data set folder to evaluate, such as VISOR_2022. Default: no evaluation.",
        panel="Validation",
        affects_result=False,
    )
    augmentation: CocoAugmentation = option(description="Augmentation of clips.", default_factory=CocoAugmentation)
