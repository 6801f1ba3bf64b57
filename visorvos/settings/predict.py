"""Options of ``visorvos predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from visorvos.settings.base import (
    WEIGHTS_HELP,
    Device,
    Flip,
    Limit,
    MemEvery,
    Memory,
    Precision,
    Resolution,
    Scales,
    Settings,
    ShortSide,
    TopK,
    Weights,
    option,
)

__all__ = ["PredictSettings"]


class PredictSettings(Settings):
    """Segment the objects of a video's first mask in all other frames."""

    frames: Path = option(
        description="Folder of frames (.jpg, .jpeg, .png, .bmp or .webp), video file, or folder with a folder of "
        "frames per sequence, or folder with JPEGImages.",
        argument=True,
        affects_result=False,
    )
    masks: Path = option(
        description="Mask of the first frame, or folder of masks named after their frames: later masks correct "
        "objects and add new ones. With several sequences: a folder with one such folder per sequence.",
        panel="Inputs",
        affects_result=False,
    )
    resolution: Resolution = None
    masks_are: Literal["partial", "complete"] = option(
        "partial",
        "Meaning of objects that a later mask does not show: not annotated (partial), or absent from the frame "
        "(complete).",
        panel="Inputs",
    )
    track_255: bool = option(
        False,
        "Track id 255 as an object in masks that show other ids too; by default it marks borders of objects.",
        panel="Inputs",
    )
    weights: Weights = option(description=WEIGHTS_HELP, panel="Inputs", affects_result=False)
    output: Path = option(
        description="Folder for the masks: palette PNGs named after the frames, in a folder per sequence if there "
        "are several.",
        panel="Outputs",
        affects_result=False,
    )
    save: tuple[Literal["overlay", "video", "sheet"], ...] = option(
        (),
        "Overlays to write as well: overlay (images), video (H.264 MP4) or sheet (twelve frames in sheet.jpg). Can be "
        "given several times.",
        panel="Outputs",
        affects_result=False,
    )
    resume: bool = option(
        False, "Resume an interrupted run with the same inputs and options.", panel="Outputs", affects_result=False
    )
    overwrite: bool = option(
        False,
        "Write into a folder that holds the masks or overlays of another run.",
        panel="Outputs",
        affects_result=False,
    )
    colors: Literal["mask", "bright"] = option(
        "mask",
        "Colors of objects in overlays: those of the given masks, or bright ones per object id (per name with "
        "--names).",
        panel="Overlays",
        alias="colours",
        affects_result=False,
    )
    opacity: float = option(
        0.5, "Opacity of the color inside objects.", panel="Overlays", affects_result=False, ge=0, le=1
    )
    outline: bool = option(True, "Outline objects.", panel="Overlays", affects_result=False)
    names: Path | None = option(
        None,
        'JSON file of object names to show: {"1": "cup"}, or a SPLIT_data_mapping.json that lists the sequence.',
        panel="Overlays",
        affects_result=False,
    )
    fps: float | None = option(
        None,
        "Frames per second of the overlay video for a folder of frames. A video file's overlay keeps its time stamps. "
        "Default: 24.",
        panel="Overlays",
        affects_result=False,
        gt=0,
        le=1000,
    )
    memory: Memory = "every"
    mem_every: MemEvery = 5
    limit: Limit = 8
    size: ShortSide = 480
    flip: Flip = False
    scales: Scales = (1.0,)
    top_k: TopK = None
    device: Device = "auto"
    precision: Precision = "auto"
