"""Options of ``visorvos benchmark``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from visorvos.settings.base import Backbone, Device, NumWorkers, Settings, option

__all__ = ["BenchmarkSettings", "Part"]

Part = Literal["inference", "training", "metrics", "data"]


class BenchmarkSettings(Settings):
    """Measure speed and peak memory on this machine, with synthetic data."""

    only: tuple[Part, ...] = option(
        ("inference", "training", "metrics", "data"),
        "Part to measure; data is clips per second and core in both stages. Can be given several times.",
        panel="Inputs",
    )
    backbone: tuple[Backbone, ...] = option(
        ("resnet50", "resnet18"), "Backbone of the network. Can be given several times.", panel="Inputs"
    )
    objects: tuple[Annotated[int, Field(ge=1, le=8)], ...] = option(
        (1, 4, 8), "Number of objects in the segmented video, 1 to 8. Can be given several times.", panel="Inputs"
    )
    precision: tuple[Literal["float32", "bfloat16"], ...] = option(
        ("float32", "bfloat16"), "Arithmetic of the network. Can be given several times.", panel="Inputs"
    )
    repeats: int = option(3, "Number of turns per figure, of which the median is shown.", panel="Inputs", ge=1)
    quick: bool = option(
        False, "Use tiny data, to check that everything runs; the figures mean nothing.", panel="Inputs"
    )
    num_workers: NumWorkers = 0
    device: Device = "auto"
