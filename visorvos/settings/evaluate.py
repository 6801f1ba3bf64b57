"""Options of ``visorvos evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from visorvos.settings.base import Device, Precision, Settings, ShortSide, Weights, Workers

__all__ = ["EvaluateSettings"]


class EvaluateSettings(Settings):
    """Score masks against the truth (J&F): predicted ones, or those of a network run here."""

    panels: ClassVar = {
        "Inputs": ("data", "split", "weights", "predictions"),
        "Scoring": ("protocol", "size"),
        "RunFolder": ("output",),
    }

    data: Path = Field(description="Data set in DAVIS's shape: JPEGImages, Annotations, ImageSets.")
    split: str = Field(default="val", description="Name of a list in ImageSets, such as val or 2017/val.")
    weights: Weights | None = Field(
        default=None,
        description="Checkpoint to run and score, .pth or .safetensors; or published weights (see download-weights "
        "--list); or hf://USER/NAME.",
    )
    predictions: Path | None = Field(default=None, description="Folder of masks to score, SEQUENCE/FRAME.png.")
    protocol: Literal["visor", "davis"] = Field(
        default="visor", description="Frames that count: visor all but the first; davis also leaves the last out."
    )
    output: Path | None = Field(
        default=None, description="Folder for scores and predicted masks. With --weights and without: evaluate-SPLIT."
    )
    size: ShortSide = -1
    workers: Workers = 0
    device: Device = "auto"
    precision: Precision = "float32"

    @model_validator(mode="after")
    def _one_source_of_masks(self) -> EvaluateSettings:
        if (self.weights is None) == (self.predictions is None):
            raise ValueError("Give either --weights, to run a network, or --predictions, to score masks.")
        return self
