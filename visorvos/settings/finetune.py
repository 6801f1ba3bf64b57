"""Options of ``visorvos finetune``."""

from __future__ import annotations

from pathlib import Path

from visorvos.settings.base import DATA_HELP, Resolution, Settings, option
from visorvos.settings.training import Accumulate, Clips, Factors, Probability, TrainingSettings

__all__ = ["FinetuneSettings", "VisorAugmentation"]


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


class FinetuneSettings(TrainingSettings):
    """Train stage 2: on clips of VISOR, or of any data set in the DAVIS layout."""

    data: Path = option(description=DATA_HELP, panel="Inputs", affects_result=False)
    split: str = option("train", "Split file in ImageSets to train on.", panel="Inputs")
    resolution: Resolution = None
    max_skip: int = option(
        1,
        "Maximum number of frames skipped between two frames of a clip, in the second half of training.",
        panel="Clips",
        ge=0,
    )
    validate_on: Path | None = option(
        None,
        "Data set folder to evaluate. Default: --data, if it has the validation split.",
        panel="Validation",
        affects_result=False,
    )
    augmentation: VisorAugmentation = option(description="Augmentation of clips.", default_factory=VisorAugmentation)

    # The released weights: 12,500 optimizer steps of 32 clips.
    clips: Clips = 400_000
    accumulate: Accumulate = 32
