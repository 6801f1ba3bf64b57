"""``visorvos benchmark``: speed and peak memory of this machine, on synthetic data."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch

from visorvos._version import __version__
from visorvos.core.jobs.benchmark import workloads
from visorvos.core.jobs.benchmark.measure import measure
from visorvos.core.runtime.device import choose_device, describe_device
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.settings.benchmark import BenchmarkSettings

__all__ = ["Benchmark", "Figure", "benchmark"]

_TRAINING_OBJECTS, _SCORING_OBJECTS = 3, 5


@dataclass(frozen=True)
class Figure:
    """One measured speed."""

    part: str
    what: str
    unit: str
    rates: tuple[float, ...]
    """Units per second, of each turn."""
    peak_mib: float

    @property
    def rate(self) -> float:
        """The median over turns."""
        return median(self.rates)

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return {**asdict(self), "median": self.rate}


@dataclass(frozen=True)
class Benchmark:
    """All figures of a run, and the machine they were measured on."""

    machine: dict[str, str]
    figures: tuple[Figure, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        figures = [figure.to_dict() for figure in self.figures]
        return {"machine": self.machine, "figures": figures, "seconds": self.seconds}


def benchmark(settings: BenchmarkSettings, progress: Progress | None = None) -> Benchmark:
    """Measures the chosen parts, on synthetic data in a temporary folder.

    Raises:
        VisorVosError: for a device that is not available, or when memory runs out.
    """
    progress = progress or NoProgress()
    began = time.perf_counter()
    device = choose_device(settings.device)
    if device.type == "cuda" and "bfloat16" in settings.precision and not torch.cuda.is_bf16_supported():
        progress.say("This GPU does not support bfloat16, which is skipped.")
        settings = settings.model_copy(update={"precision": ("float32",)})
    figures = []
    with TemporaryDirectory(prefix="visorvos-benchmark-") as folder:
        for part, what, unit, amount, workload in _plan(settings, device, Path(folder)):
            seconds, peak_bytes = measure({what: workload}, settings.repeats)[what]
            figure = Figure(part, what, unit, tuple(amount / taken for taken in seconds), peak_bytes / 2**20)
            progress.say(f"{part}: {what}: {figure.rate:.3g} {unit}.")
            figures.append(figure)
    return Benchmark(_machine(device), tuple(figures), time.perf_counter() - began)


def _plan(
    settings: BenchmarkSettings, device: torch.device, scratch: Path
) -> Iterator[tuple[str, str, str, float, Callable[[], workloads.Work]]]:
    """Part, what is measured, unit, units per turn and workload of each figure; data is written when it is needed."""
    quick, is_gpu = settings.quick, device.type == "cuda"
    if "inference" in settings.only:
        height, width, frames = (48, 64, 3) if quick else (480, 854, 40 if is_gpu else 4)
        for objects in settings.objects:
            video = workloads.write_video(scratch / f"video-{objects}", height, width, frames, objects)
            for backbone in settings.backbone:
                for precision in settings.precision:
                    what = f"{backbone}, {objects} object{'s' * (objects > 1)}, {width}x{height}, {precision}"
                    workload = partial(workloads.segmenting, backbone, device, precision, video, scratch / "masks")
                    yield "inference", what, "frames/s", frames - 1, workload
    if "training" in settings.only:
        side, clips = 64 if quick else 384, 8 if is_gpu and not quick else 1
        for backbone in settings.backbone:
            for precision in settings.precision:
                what = f"{backbone}, {_TRAINING_OBJECTS} objects, {side}x{side}, {precision}"
                options = (backbone, device, precision, side, clips, _TRAINING_OBJECTS)
                yield "training", what, "clips/s", clips, partial(workloads.training, *options)
    if "metrics" in settings.only:
        sequences, frames, height, width = (1, 3, 48, 64) if quick else (12, 40, 480, 854)
        folders = workloads.write_masks(scratch / "metrics", sequences, frames, height, width, _SCORING_OBJECTS)
        masks = sequences * (frames - 1) * _SCORING_OBJECTS
        for workers in sorted({1, settings.num_workers or usable_cores()}):
            what = f"{width}x{height}, {workers} process{'es' * (workers > 1)}"
            yield "metrics", what, "object masks/s", masks, partial(workloads.scoring, *folders, workers)
    if "data" in settings.only:
        coco = workloads.write_releases(scratch, quick)
        samples, unit = 2 if quick else 24, "clips/s per core"
        yield "data", "stage 1, COCO", unit, samples, partial(workloads.coco_loading, coco, samples)
        visor = partial(workloads.visor_loading, scratch / "VISOR_2022", samples)
        yield "data", "stage 2, VISOR", unit, samples, visor


def _machine(device: torch.device) -> dict[str, str]:
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = models[0].partition(":")[2].strip() if models else processor
    return {
        "processor": processor,
        "cores": str(usable_cores()),
        "device": describe_device(device),
        "system": platform.platform(),
        "visorvos": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
    }
