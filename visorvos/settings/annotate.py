"""Options of ``visorvos annotate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from visorvos.settings.base import Device, Precision, Settings, ShortSide, Weights, argument

__all__ = ["AnnotateSettings"]


class AnnotateSettings(Settings):
    """Draw masks in the browser, propagate them through the video, correct and export them."""

    panels: ClassVar = {
        "Inputs": ("frames", "masks", "weights"),
        "RunFolder": ("output",),
        "Server": ("host", "port", "allow_host", "browser"),
        "Memory": ("every", "limit", "size"),
    }

    frames: Path = argument("Folder of frames (.jpg .jpeg .png .bmp .webp, in natural order) or a video file.")
    output: Path = Field(
        description="Session folder: masks, given masks, object names. A session that exists is opened where it was "
        "left."
    )
    weights: Weights | None = Field(
        default=None,
        description="Checkpoint, .pth or .safetensors; or published weights (see download-weights --list); or "
        "hf://USER/NAME. Without it, masks can be drawn but not propagated.",
    )
    masks: Path | None = Field(
        default=None,
        description="Start a new session from a mask of the first frame, or a folder of masks named as their frames.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.", min_length=1)
    port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="Port to listen on; 0 takes any free one. Default: 8765, or any if it is taken."
    )
    allow_host: tuple[str, ...] = Field(
        default=(),
        description="Host name by which browsers may address the server, beside localhost. May be given several times.",
    )
    browser: bool = Field(default=True, description="Open the page in a browser if there is one.")
    size: ShortSide = 480
    every: Annotated[int, Field(ge=1, description="Remember every k-th frame.")] = 5
    limit: Annotated[int, Field(ge=1, description="Maximum number of frames to remember beside drawn ones.")] = 8
    device: Device = "auto"
    precision: Precision = "auto"
