"""Options of ``visorvos finetune``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from visorvos.settings.base import DATA_HELP, Resolution, Settings, inputs, must, option, source, split_at_commas
from visorvos.settings.training import (
    Accumulate,
    Clips,
    Factors,
    Probability,
    TrainingSettings,
    clip_options,
    validation,
)


class VisorAugmentation(Settings):
    """Augmentation of clips of videos: one flip, resize and crop per clip, and warps per frame."""

    flip: Probability = option(0.5, "Probability that a clip is mirrored.")
    warp: Probability = option(0.5, "Probability of each of the four warps, per frame.")
    rotation: float = option(30, "Maximum rotation in degrees, either way.", ge=0, le=180)
    shear: float = option(15, "Maximum shear in degrees, either way.", ge=0, le=60)
    translation: int = option(15, "Maximum translation in pixels on x and y, either way.", ge=0)
    scale: Factors = option((0.8, 1.2), "Range of the scale factors on x and y.")
    resize: Factors = option((0.8, 1.1), "Range of the resize factor of a clip.")
    crop_jitter: int = option(20, "Maximum movement of the crop from frame to frame in pixels.", alias="wander", ge=0)


def _with_weight(text: str) -> tuple[Path, float]:
    """A folder and its weight, from "FOLDER" or "FOLDER:WEIGHT"."""
    folder, weight = re.fullmatch(r"(.*?)(?::(\d+|\d*\.\d+))?", text, re.DOTALL).groups()  # type: ignore[union-attr]
    return Path(folder), 1.0 if weight is None else float(weight)


_weighted = must(lambda data: all(_with_weight(text)[1] for text in data), "have weights above 0")


class FinetuneSettings(TrainingSettings):
    """Train stage 2: on clips of VISOR, or of any data set in the DAVIS layout."""

    data: Annotated[tuple[str, ...], _weighted] = source(
        ...,
        f"{DATA_HELP} Each may have a weight, such as DAVIS:5 (1 without): clips are drawn in these proportions.",
        min_length=1,
    )
    split: str = inputs("train", "Split file in ImageSets to train on.")
    resolution: Resolution = None
    max_skip: Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(split_at_commas)] = clip_options(
        (0, 1),
        "Maximum number of frames skipped between two frames of a clip. Several numbers apply in turn, each to an "
        "equal part of training, such as 5,10,15,20,25,5 for DAVIS.",
        min_length=1,
    )
    validate_on: Path | None = validation(
        None, "Data set folder to evaluate. Default: --data, if it has the validation split."
    )
    augmentation: VisorAugmentation = option(..., "Augmentation of clips.", default_factory=VisorAugmentation)

    @field_validator("data", mode="before")
    @classmethod
    def _list_data(cls, data: object) -> object:
        return [str(path) for path in data] if isinstance(data, (list, tuple)) else [str(data)]

    @property
    def data_sets(self) -> list[tuple[Path, float]]:
        """The data set folders and their weights."""
        return [_with_weight(text) for text in self.data]

    # The released weights: 12,500 optimizer steps of 32 clips.
    clips: Clips = 400_000
    accumulate: Accumulate = 32
