"""Options of ``visorvos demo``."""

from __future__ import annotations

from pathlib import Path

from visorvos.settings.base import Device, Settings, inputs, outputs


class DemoSettings(Settings):
    """Generate videos, prepare them, train a small network in both stages, evaluate it, and show its masks."""

    output: Path = outputs(Path("visorvos-demo"), "Folder for everything that the demo makes.")
    quick: bool = inputs(False, "Train for a few clips only, in less than a minute; the scores mean nothing.")
    seed: int = inputs(0, "Random seed of the generated videos and of training.", ge=0)
    device: Device = "auto"
