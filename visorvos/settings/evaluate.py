"""Options of ``visorvos evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from visorvos.settings.base import (
    DATA_HELP,
    WEIGHTS_HELP,
    NumWorkers,
    Precision,
    Resolution,
    ShortSide,
    Weights,
    inputs,
    option,
    outputs,
)
from visorvos.settings.segmentation import Memory, SegmentationSettings


class EvaluateSettings(SegmentationSettings):
    """Score masks against the ground truth (J&F): predicted masks, or those of a network that is run here."""

    data: Path = inputs(..., DATA_HELP)
    split: str = inputs("val", "Split to score: a file in ImageSets, such as val or 2017/val, or a split folder.")
    resolution: Resolution = None
    weights: Weights | None = inputs(None, f"Network to run and score. {WEIGHTS_HELP}")
    predictions: Path | None = inputs(None, "Folder of masks to score, SEQUENCE/FRAME.png.")
    protocol: Literal["visor", "davis"] = option(
        "visor",
        "Frames to score: all but the first (visor), or all but the first and last (davis).",
        panel="Scoring",
    )
    output: Path | None = outputs(
        None, "Folder for scores and predicted masks. Default: evaluate-SPLIT with --weights, else none."
    )
    memory: Memory = "visor"
    size: ShortSide = -1
    num_workers: NumWorkers = 0
    precision: Precision = "float32"

    @model_validator(mode="after")
    def _one_source_of_masks(self) -> EvaluateSettings:
        if (self.weights is None) == (self.predictions is None):
            raise ValueError("Give either --weights (to run a network) or --predictions (to score masks).")
        return self
