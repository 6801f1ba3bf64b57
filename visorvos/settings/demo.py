"""Options of ``visorvos demo``."""

from __future__ import annotations

from pathlib import Path

from visorvos.settings.base import Device, Settings, option

__all__ = ["DemoSettings"]


class DemoSettings(Settings):
    """Generate videos, prepare them, train a small network in both stages, evaluate it, and show its masks."""

    output: Path = option(
        Path("visorvos-demo"), "Folder for everything that the demo makes.", panel="Outputs", affects_result=False
    )
    quick: bool = option(
        False, "Train for a few clips only, in less than a minute; the scores mean nothing.", panel="Inputs"
    )
    seed: int = option(0, "Random seed of the generated videos and of training.", panel="Inputs", ge=0)
    device: Device = "auto"
