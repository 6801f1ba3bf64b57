"""Options of ``visorvos finetune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from visorvos.settings.base import NO_EFFECT, Settings
from visorvos.settings.training import Accumulate, Factors, Iterations, Probability, TrainingSettings

__all__ = ["FinetuneSettings", "VisorAugmentation"]


class VisorAugmentation(Settings):
    """How clips of VISOR are varied: one flip for a clip, a warp for each frame, one resize and crop for the clip."""

    flip: Probability = Field(default=0.5, description="Probability that a clip is mirrored.")
    warp: Probability = Field(default=0.5, description="Probability of each of the four warps, frame by frame.")
    rotation: Annotated[float, Field(ge=0, le=180, description="Degrees, either way.")] = 30
    shear: Annotated[float, Field(ge=0, le=60, description="Degrees, either way.")] = 15
    translation: Annotated[int, Field(ge=0, description="Pixels on x and y, either way.")] = 15
    scale: Factors = Field(default=(0.8, 1.2), description="Range of the scale on x and y apart.")
    resize: Factors = Field(default=(0.8, 1.1), description="Range of the clip's one resize factor.")
    crop_jitter: Annotated[int, Field(ge=0, description="Maximum movement of the crop per frame in pixels.")] = 20


class FinetuneSettings(TrainingSettings):
    """Stage 2: train on clips of VISOR, or of any data set in DAVIS's shape."""

    panels: ClassVar = {"Inputs": ("data", "split"), "Clips": ("max_skip",), "Validation": ("validate_on",)}

    data: Annotated[Path, NO_EFFECT] = Field(
        description="Data set in DAVIS's shape, such as the VISOR_2022 that prepare makes."
    )
    split: str = Field(default="train", description="Split to train on.")
    max_skip: Annotated[
        int,
        Field(ge=0, description="Most frames left out between two of a clip's, in the second half of training."),
    ] = 1
    validate_on: Annotated[Path | None, NO_EFFECT] = Field(
        default=None, description="Data set that is evaluated. Default: --data, where it has the validation split."
    )
    augmentation: VisorAugmentation = Field(default_factory=VisorAugmentation, description="How clips are varied.")

    # The released weights' own: 12,500 steps of 32 clips.
    iterations: Iterations = 400_000
    accumulate: Annotated[Accumulate, NO_EFFECT] = 32
