"""Options of ``visorvos benchmark``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from visorvos.settings.base import Device, Settings, Workers

__all__ = ["BenchmarkSettings", "Part"]

Part = Literal["inference", "training", "metrics", "data"]


class BenchmarkSettings(Settings):
    """Measure speed and peak memory on this machine, with synthetic data."""

    panels: ClassVar = {
        "What is measured": ("only", "backbone", "objects", "precision"),
        "How": ("repeats", "quick"),
    }

    only: tuple[Part, ...] = Field(
        default=("inference", "training", "metrics", "data"),
        description="Part to measure; may be given several times. data: clips per second and core of both stages.",
    )
    backbone: tuple[Literal["resnet50", "resnet18", "resnest101"], ...] = Field(
        default=("resnet50", "resnet18"), description="Network to measure; may be given several times."
    )
    objects: tuple[Annotated[int, Field(ge=1, le=8)], ...] = Field(
        default=(1, 4, 8), description="Objects in the segmented video, 1 to 8; may be given several times."
    )
    precision: tuple[Literal["float32", "bfloat16"], ...] = Field(
        default=("float32", "bfloat16"), description="Arithmetic of the network; may be given several times."
    )
    repeats: Annotated[int, Field(ge=1, description="Turns per figure, of which the median is shown.")] = 3
    quick: bool = Field(default=False, description="Use tiny data: checks that everything runs, not how fast.")
    workers: Workers = 0
    device: Device = "auto"
