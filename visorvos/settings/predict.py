"""Options of ``visorvos predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from visorvos.settings.base import Device, Precision, Settings, Weights, argument

__all__ = ["PredictSettings"]


class PredictSettings(Settings):
    """Find the objects of the first frame's mask in all other frames of a video."""

    frames: Path = argument("Folder of frames (.jpg .jpeg .png .bmp .webp, in natural order) or a video file.")
    masks: Path = Field(
        description="Mask of the first frame, or a folder of masks named as their frames. "
        "A mask may be given at any frame, correct objects and bring new ones."
    )
    weights: Weights = Field(
        description="Checkpoint, .pth or .safetensors; or published weights (see download-weights --list); or "
        "hf://USER/NAME."
    )
    output: Path = Field(description="Folder for the masks, palette PNGs named as the frames.")
    save: tuple[Literal["overlay", "video"], ...] = Field(
        default=(), description="Also write the masks drawn over the frames: images (overlay), an H.264 MP4 (video)."
    )
    size: Annotated[int, Field(description="Short side in pixels at which frames are segmented; -1: as they are.")] = (
        480
    )
    memory: Literal["every", "visor"] = Field(
        default="every",
        description="Frames to remember beside the previous one: every k-th, or the evaluation protocol's.",
    )
    every: Annotated[int, Field(ge=1, description="With --memory every: remember every k-th frame.")] = 5
    limit: Annotated[int, Field(ge=1, description="With --memory every: remember at most so many frames.")] = 8
    resume: bool = Field(
        default=False, description="Go on where an interrupted run with the same inputs and options stopped."
    )
    device: Device = "auto"
    precision: Precision = "auto"

    @model_validator(mode="after")
    def _size_is_a_length(self) -> PredictSettings:
        if self.size != -1 and self.size < 16:
            raise ValueError(f"--size is the short side in pixels, at least 16, or -1: {self.size} is neither.")
        return self
