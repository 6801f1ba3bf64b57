"""Options of ``visorvos annotate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from visorvos.settings.base import Device, Precision, Settings, ShortSide, Weights, option

__all__ = ["AnnotateSettings"]


class AnnotateSettings(Settings):
    """Draw masks in the browser, propagate them through the video, correct and export them."""

    frames: Path = option(
        description="Folder of frames (.jpg, .jpeg, .png, .bmp or .webp) or video file.",
        argument=True,
        affects_result=False,
    )
    output: Path = option(
        description="Session folder for masks, drawn masks and object names. An existing session is opened where it "
        "was left.",
        panel="Outputs",
        affects_result=False,
    )
    weights: Weights | None = option(
        None,
        "Checkpoint (.pth or .safetensors), published name (see download-weights --list), or hf://USER/NAME. Without "
        "it, masks can be drawn but not propagated.",
        panel="Inputs",
        affects_result=False,
    )
    masks: Path | None = option(
        None,
        "Mask of the first frame, or folder of masks named after their frames, to start a new session from.",
        panel="Inputs",
        affects_result=False,
    )
    host: str = option("127.0.0.1", "Address to listen on.", panel="Server", affects_result=False, min_length=1)
    port: Annotated[int, Field(ge=0, le=65535)] | None = option(
        None,
        "Port to listen on; 0 takes any free one. Default: the one that this session had before, else 8765, else any.",
        panel="Server",
        affects_result=False,
    )
    allow_host: tuple[str, ...] = option(
        (),
        "Host name by which browsers may address the server, beside localhost. Can be given several times.",
        panel="Server",
        affects_result=False,
    )
    browser: bool = option(True, "Open the page in a browser if there is one.", panel="Server", affects_result=False)
    mem_every: int = option(5, "Keep every K-th frame in memory.", panel="Memory", alias="every", ge=1)
    limit: int = option(
        8, "Maximum number of frames to keep. Up to 16 drawn frames are kept beside them.", panel="Memory", ge=1
    )
    size: ShortSide = 480
    device: Device = "auto"
    precision: Precision = "auto"
