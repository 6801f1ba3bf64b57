"""Options of ``visorvos predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from visorvos.settings.base import NO_EFFECT, Device, Precision, Settings, ShortSide, Weights, argument

__all__ = ["PredictSettings"]


class PredictSettings(Settings):
    """Find the objects of the first frame's mask in all other frames of a video."""

    panels: ClassVar = {
        "Inputs": ("frames", "masks", "masks_are", "weights"),
        "RunFolder": ("output", "save", "resume"),
        "Pictures": ("colors", "opacity", "outline", "names"),
        "Memory": ("memory", "every", "limit", "size"),
    }

    frames: Annotated[Path, NO_EFFECT] = argument(
        "Folder of frames (.jpg .jpeg .png .bmp .webp, in natural order), a video file, or a folder of folders of "
        "frames: so many sequences."
    )
    masks: Annotated[Path, NO_EFFECT] = Field(
        description="Mask of the first frame, or a folder of masks named as their frames. "
        "A mask may be given at any frame, correct objects and bring new ones. Of several sequences: a folder of such "
        "folders, named as those of frames."
    )
    masks_are: Literal["partial", "complete"] = Field(
        default="partial",
        description="What a mask of a later frame says about objects that it does not show: nothing, they are searched "
        "for (partial), or that they are absent from the frame (complete).",
    )
    weights: Annotated[Weights, NO_EFFECT] = Field(
        description="Checkpoint, .pth or .safetensors; or published weights (see download-weights --list); or "
        "hf://USER/NAME."
    )
    output: Annotated[Path, NO_EFFECT] = Field(
        description="Folder for the masks, palette PNGs named as the frames; of several sequences, in folders."
    )
    save: Annotated[tuple[Literal["overlay", "video", "sheet"], ...], NO_EFFECT] = Field(
        default=(),
        description="Also write the masks drawn over the frames: images (overlay), an H.264 MP4 (video), twelve frames "
        "on one sheet.jpg (sheet). May be given several times.",
    )
    colors: Annotated[Literal["mask", "bright"], NO_EFFECT] = Field(
        default="mask",
        description="Of drawn objects: those of the given masks, or bright ones by id, by name with --names.",
    )
    opacity: Annotated[float, Field(ge=0, le=1, description="Of the color inside drawn objects."), NO_EFFECT] = 0.5
    outline: Annotated[bool, NO_EFFECT] = Field(default=True, description="Outline drawn objects.")
    names: Annotated[Path | None, NO_EFFECT] = Field(
        default=None,
        description='JSON of names to write on objects: {"1": "cup"}, or a SPLIT_data_mapping.json that has the '
        "frames' folder.",
    )
    size: ShortSide = 480
    memory: Literal["every", "visor"] = Field(
        default="every",
        description="Frames to remember beside the previous one: every k-th, or the evaluation protocol's.",
    )
    every: Annotated[int, Field(ge=1, description="With --memory every: remember every k-th frame.")] = 5
    limit: Annotated[int, Field(ge=1, description="With --memory every: remember at most so many frames.")] = 8
    resume: Annotated[bool, NO_EFFECT] = Field(
        default=False, description="Go on where an interrupted run with the same inputs and options stopped."
    )
    device: Device = "auto"
    precision: Precision = "auto"
