"""Options of ``visorvos benchmark``."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from visorvos.settings.base import Device, Settings, Workers

__all__ = ["BenchmarkSettings", "Part"]

Part = Literal["inference", "training", "metrics", "prepare", "data"]


class BenchmarkSettings(Settings):
    """Measure this machine: speed and peak memory beside those of the same work done plainly, as the reference does."""

    panels: ClassVar = {
        "What is measured": ("only", "backbone", "objects", "precision"),
        "How": ("repeats", "quick"),
    }

    only: tuple[Part, ...] = Field(
        default=("inference", "training", "metrics", "prepare", "data"),
        description="Part to measure; may be given several times.",
    )
    backbone: tuple[Literal["resnet50", "resnet18", "resnest101"], ...] = Field(
        default=("resnet50", "resnet18"), description="Network; may be given several times."
    )
    objects: tuple[Annotated[int, Field(ge=1, le=15)], ...] = Field(
        default=(1, 4, 10), description="Objects of the video that is segmented, 1 to 15; may be given several times."
    )
    precision: tuple[Literal["float32", "bfloat16"], ...] = Field(
        default=("float32", "bfloat16"), description="Arithmetic; the plain form is in float32 always, as published."
    )
    repeats: Annotated[int, Field(ge=1, description="Turns that each form takes; figures are medians.")] = 3
    quick: bool = Field(default=False, description="Everything tiny: shows that it runs, not how fast.")
    workers: Workers = 0
    device: Device = "auto"
