"""Options of ``visorvos benchmark``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from visorvos.core.network.backbones import BackboneName
from visorvos.settings.base import Device, NumWorkers, Settings, inputs

Part = Literal["inference", "training", "metrics", "data"]


class BenchmarkSettings(Settings):
    """Measure speed and peak memory on this machine, with synthetic data."""

    only: tuple[Part, ...] = inputs(
        ("inference", "training", "metrics", "data"),
        "Part to measure; data is the loading of training clips.",
    )
    backbone: tuple[BackboneName, ...] = inputs(("resnet50", "resnet18"), "Backbone of the network.")
    objects: tuple[Annotated[int, Field(ge=1, le=8)], ...] = inputs(
        (1, 4, 8), "Number of objects in the segmented video, 1 to 8."
    )
    precision: tuple[Literal["float32", "bfloat16"], ...] = inputs(
        ("float32", "bfloat16"), "Floating-point precision of the network."
    )
    repeats: int = inputs(3, "Number of repetitions per figure; the median is shown.", ge=1)
    quick: bool = inputs(False, "Use tiny data, to check that everything runs; the figures mean nothing.")
    num_workers: NumWorkers = 0
    device: Device = "auto"
