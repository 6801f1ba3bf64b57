"""Options of ``visorvos predict``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from visorvos.settings.base import WEIGHTS_HELP, Resolution, Weights, inputs, option, outputs, source
from visorvos.settings.segmentation import SegmentationSettings

_overlays = partial(option, panel="Overlays", affects_result=False)


class PredictSettings(SegmentationSettings):
    """Segment the objects of a video's first mask in all other frames."""

    frames: Path = option(
        ...,
        "Video file, folder of frames (.jpg, .jpeg, .png, .bmp or .webp), folder with one such folder per sequence, or "
        "data set folder with JPEGImages.",
        argument=True,
        affects_result=False,
    )
    masks: Path = source(
        ...,
        "Mask of the first frame, or folder of masks named after their frames; later masks correct objects and add "
        "new ones. For several sequences: folder with one such folder per sequence.",
    )
    resolution: Resolution = None
    masks_are: Literal["partial", "complete"] = inputs(
        "partial",
        "Meaning of objects that a later mask lacks: not annotated (partial), or absent from the frame (complete).",
    )
    track_255: bool = inputs(
        False, "Track id 255 as an object even in masks with other ids; by default it marks object borders there."
    )
    weights: Weights = source(..., WEIGHTS_HELP)
    output: Path = outputs(
        ...,
        "Folder for the masks: palette PNGs named after the frames, in a folder per sequence if there are several.",
    )
    save: tuple[Literal["overlay", "video", "sheet"], ...] = outputs(
        (),
        "Overlays to write in addition: overlay (images), video (H.264 MP4) or sheet (twelve frames in sheet.jpg).",
    )
    resume: bool = outputs(False, "Resume an interrupted run with the same inputs and options.")
    overwrite: bool = outputs(False, "Replace the masks and overlays that another run left in --output.")
    colors: Literal["mask", "bright"] = _overlays(
        "mask",
        "Colors of objects: those of the given masks (mask), or bright ones by id (by name with --names).",
        alias="colours",
    )
    opacity: float = _overlays(0.5, "Opacity of the color inside objects; 1 hides the frame.", ge=0, le=1)
    outline: bool = _overlays(True, "Draw an outline around objects.")
    names: Path | None = _overlays(
        None, 'JSON file of object names to show: {"1": "cup"}, or a SPLIT_data_mapping.json that lists the sequence.'
    )
    fps: float | None = _overlays(
        None,
        "Frames per second of the overlay video of a folder; that of a video file keeps its time stamps. Default: 24.",
        gt=0,
        le=1000,
    )
