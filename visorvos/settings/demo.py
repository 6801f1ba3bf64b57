"""Options of ``visorvos demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from visorvos.settings.base import Device, Settings

__all__ = ["DemoSettings"]


class DemoSettings(Settings):
    """Draw a short video, segment it with an untrained network, score it, and show an overlay."""

    panels: ClassVar = {
        "Inputs": ("seed",),
        "Outputs": ("output",),
    }

    output: Path = Field(default=Path("visorvos-demo"), description="Folder for the video, the masks and the overlays.")
    seed: Annotated[int, Field(ge=0, description="Of the drawn video and the network's random weights.")] = 0
    device: Device = "auto"
