"""Options of ``visorvos demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from visorvos.settings.base import NO_EFFECT, Device, Settings

__all__ = ["DemoSettings"]


class DemoSettings(Settings):
    """Draw videos, prepare them, train a small network on them in both stages, score it, and show an overlay."""

    panels: ClassVar = {
        "Inputs": ("seed", "quick"),
        "RunFolder": ("output",),
    }

    output: Annotated[Path, NO_EFFECT] = Field(
        default=Path("visorvos-demo"), description="Folder for all that the demo makes."
    )
    quick: bool = Field(default=False, description="A small part, in less than a minute: too little to learn much.")
    seed: Annotated[int, Field(ge=0, description="Of the drawn videos, of training and of the untrained network.")] = 0
    device: Device = "auto"
