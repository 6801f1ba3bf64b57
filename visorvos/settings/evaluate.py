"""Options of ``visorvos evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import model_validator

from visorvos.settings.base import (
    DATA_HELP,
    WEIGHTS_HELP,
    Device,
    Flip,
    Limit,
    MemEvery,
    Memory,
    NumWorkers,
    Precision,
    Resolution,
    Scales,
    Settings,
    ShortSide,
    Weights,
    inputs,
    option,
    outputs,
)


class EvaluateSettings(Settings):
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
    mem_every: MemEvery = 5
    limit: Limit = 8
    size: ShortSide = -1
    flip: Flip = False
    scales: Scales = (1.0,)
    num_workers: NumWorkers = 0
    device: Device = "auto"
    precision: Precision = "float32"

    @model_validator(mode="after")
    def _one_source_of_masks(self) -> EvaluateSettings:
        if (self.weights is None) == (self.predictions is None):
            raise ValueError("Give either --weights (to run a network) or --predictions (to score masks).")
        return self
