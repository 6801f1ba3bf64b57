"""Options of ``visorvos pretrain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from visorvos.settings.base import Settings, inputs, option, source
from visorvos.settings.training import Factors, MaxObjects, Probability, TrainingSettings, ordered, validation

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
    pasted: Annotated[tuple[Count, Count], ordered] = option((1, 3), "Minimum and maximum number of pasted objects.")
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


class PretrainSettings(TrainingSettings):
    """Train stage 1: on clips made from the images and objects of MS-COCO."""

    coco: Path = source(..., "MS-COCO folder, with annotations/instances_SPLIT.json and SPLIT/.")
    split: str = inputs("train2017", "Split of MS-COCO to train on.")
    max_objects: MaxObjects = 5
    validate_on: Path | None = validation(
        None, "Data set folder to evaluate, such as VISOR_2022. Default: no evaluation."
    )
    augmentation: CocoAugmentation = option(..., "Augmentation of clips.", default_factory=CocoAugmentation)
