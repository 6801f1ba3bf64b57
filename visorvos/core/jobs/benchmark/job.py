"""``visorvos benchmark``: what this machine does, beside the same work done plainly."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

from visorvos._version import __version__
from visorvos.core.jobs.benchmark.data import measure_data
from visorvos.core.jobs.benchmark.inference import measure_inference
from visorvos.core.jobs.benchmark.metrics import measure_metrics
from visorvos.core.jobs.benchmark.prepare import measure_prepare
from visorvos.core.jobs.benchmark.results import Benchmark, Figure
from visorvos.core.jobs.benchmark.training import measure_training
from visorvos.core.runtime.device import choose_device, describe_device
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.settings.benchmark import BenchmarkSettings

__all__ = ["benchmark"]


def benchmark(settings: BenchmarkSettings, progress: Progress | None = None) -> Benchmark:
    """Measures the parts that are asked for, on drawn data in a folder that is gone afterwards.

    Raises:
        VisorVosError: for a device that is not there, or where memory or disk run out.
    """
    progress = progress or NoProgress()
    began = time.perf_counter()
    device = choose_device(settings.device)
    if device.type == "cuda" and "bfloat16" in settings.precision and not torch.cuda.is_bf16_supported():
        progress.say("This GPU does not compute in bfloat16: it is left out.")
        settings = settings.model_copy(update={"precision": ("float32",)})
    with TemporaryDirectory(prefix="visorvos-benchmark-") as folder:
        figures = []
        for figure in _measure(settings, device, Path(folder), progress):
            # Much can happen before the last one.
            progress.say(str(figure))
            figures.append(figure)
    return Benchmark(_machine(device), tuple(figures), time.perf_counter() - began)


def _measure(settings: BenchmarkSettings, device: torch.device, scratch: Path, progress: Progress) -> Iterator[Figure]:
    if "inference" in settings.only:
        yield from measure_inference(settings, device, scratch / "inference", progress)
    if "training" in settings.only:
        yield from measure_training(settings, device, progress)
    if "metrics" in settings.only:
        yield from measure_metrics(settings, scratch / "metrics", progress)
    if "prepare" in settings.only:
        yield from measure_prepare(settings, scratch / "prepare", progress)
    if "data" in settings.only:
        yield from measure_data(settings, scratch / "data", progress)


def _machine(device: torch.device) -> dict[str, str]:
    return {
        "processor": _processor(),
        "cores": str(usable_cores()),
        "device": describe_device(device),
        "system": platform.platform(),
        "visorvos": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
    }


def _processor() -> str:
    """The processor's name, as far as the system tells."""
    described = Path("/proc/cpuinfo")
    if described.is_file():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
