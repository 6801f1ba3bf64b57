"""Options of ``visorvos annotate``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from visorvos.settings.base import (
    WEIGHTS_HELP,
    Device,
    Precision,
    Settings,
    ShortSide,
    Weights,
    option,
    outputs,
    source,
)

_server = partial(option, panel="Server", affects_result=False)
_memory = partial(option, panel="Memory")


class AnnotateSettings(Settings):
    """Draw masks in the browser, propagate them through the video, correct and export them."""

    frames: Path = option(
        ..., "Folder of frames (.jpg, .jpeg, .png, .bmp or .webp) or video file.", argument=True, affects_result=False
    )
    output: Path = outputs(
        ..., "Session folder for masks and object names. An existing session is reopened as it was left."
    )
    weights: Weights | None = source(None, f"{WEIGHTS_HELP} Without it, masks can be drawn but not propagated.")
    masks: Path | None = source(
        None, "Mask of the first frame, or folder of masks named after their frames, to start a new session from."
    )
    host: str = _server("127.0.0.1", "Address to listen on.", min_length=1)
    port: Annotated[int, Field(ge=0, le=65535)] | None = _server(
        None, "Port to listen on; 0 takes any free one. Default: that of the session before, else 8765, else any."
    )
    allow_host: tuple[str, ...] = _server((), "Host name, besides localhost, by which browsers may address the server.")
    browser: bool = _server(True, "Open the page in a browser if there is one.")
    mem_every: int = _memory(5, "Keep one frame in K in memory.", alias="every", ge=1)
    limit: int = _memory(8, "Maximum number of frames to keep in memory; up to 16 drawn frames do not count.", ge=1)
    size: ShortSide = 480
    device: Device = "auto"
    precision: Precision = "auto"
