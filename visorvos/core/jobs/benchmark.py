"""``visorvos benchmark``: speed and peak memory of this machine, on synthetic data."""

from __future__ import annotations

import multiprocessing
import platform
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import torch

from visorvos._version import __version__
from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.datasets.loader import Batch
from visorvos.core.datasets.synthetic.release import write_synthetic_coco, write_synthetic_visor
from visorvos.core.datasets.synthetic.video import make_video
from visorvos.core.inference.segment_split import segment_split
from visorvos.core.io.images import write_picture
from visorvos.core.io.masks import write_mask
from visorvos.core.jobs.prepare import prepare
from visorvos.core.metrics.scoring import evaluate_masks
from visorvos.core.network.for_inference import for_inference
from visorvos.core.network.stm import STM
from visorvos.core.runtime.device import choose_device, describe_device
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import start_worker, usable_cores
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.core.training.learner import Learner, Stage, start_accelerator
from visorvos.errors import VisorVosError, counted
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings

_TRAINING_OBJECTS, _SCORED_OBJECTS = 3, 5
Work = Callable[[], object]
Workload = Callable[[], Work]
"""Prepares some work and returns a function that does it once."""


@dataclass(frozen=True)
class Figure:
    """One measured speed."""

    part: str
    what: str
    unit: str
    rates: tuple[float, ...]
    """Units per second, of each turn."""
    median: float
    peak_mib: float


@dataclass(frozen=True)
class Benchmark:
    """All figures of a run, and the machine they were measured on."""

    machine: dict[str, str]
    figures: tuple[Figure, ...]
    seconds: float


def benchmark(settings: BenchmarkSettings, progress: Progress | None = None) -> Benchmark:
    """Measures the chosen parts, on synthetic data in a temporary folder.

    Raises:
        VisorVosError: for a device that is not available, or when memory runs out.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    device = choose_device(settings.device)
    figures = []
    with TemporaryDirectory(prefix="visorvos-benchmark-") as folder:
        for part, what, unit, amount, workload in _plan(settings, device, Path(folder)):
            seconds, peak_bytes = measure(workload, settings.repeats)
            rates = tuple(amount / taken for taken in seconds)
            figures.append(Figure(part, what, unit, rates, median(rates), peak_bytes / 2**20))
            progress.say(f"{part}: {what}: {figures[-1].median:.3g} {unit}.")
    return Benchmark(_machine(device), tuple(figures), time.perf_counter() - began)


def _plan(
    settings: BenchmarkSettings, device: torch.device, scratch: Path
) -> Iterator[tuple[str, str, str, float, Workload]]:
    """Part, what is measured, unit, units per turn and workload of each figure; data is written when it is needed."""
    quick, is_gpu = settings.quick, device.type == "cuda"
    networks = list(product(settings.backbone, settings.precision))
    if "inference" in settings.only:
        height, width, frames = (48, 64, 3) if quick else (480, 854, 40 if is_gpu else 4)
        for objects in settings.objects:
            video = write_video(scratch / f"video-{objects}", height, width, frames, objects)
            for backbone, precision in networks:
                what = f"{backbone}, {counted(objects, 'object')}, {width}x{height}, {precision}"
                workload = partial(segmenting, backbone, device, precision, video, scratch / "masks")
                yield "inference", what, "frames/s", frames - 1, workload
    if "training" in settings.only:
        side, clips = 64 if quick else 384, 8 if is_gpu and not quick else 1
        for backbone, precision in networks:
            what = f"{backbone}, {_TRAINING_OBJECTS} objects, {side}x{side}, {precision}"
            options = (backbone, settings.device, precision, side, clips, _TRAINING_OBJECTS)
            yield "training", what, "clips/s", clips, partial(training, *options)
    if "metrics" in settings.only:
        sequences, frames, height, width = (1, 3, 48, 64) if quick else (12, 40, 480, 854)
        folders = write_masks(scratch / "metrics", sequences, frames, height, width)
        masks = sequences * (frames - 1) * _SCORED_OBJECTS
        for workers in sorted({1, settings.num_workers or usable_cores()}):
            what = f"{width}x{height}, {workers} process{'es' * (workers > 1)}"
            yield "metrics", what, "object masks/s", masks, partial(scoring, *folders, workers)
    if "data" in settings.only:
        coco, visor = write_releases(scratch, quick)
        stage_1, stage_2 = partial(coco_clips, coco, Progress()), partial(visor_clips, visor, Progress())
        samples, unit = 2 if quick else 24, "clips/s per core"
        yield "data", "stage 1, COCO", unit, samples, partial(loading, stage_1, samples)
        yield "data", "stage 2, VISOR", unit, samples, partial(loading, stage_2, samples)


def measure(workload: Workload, repeats: int) -> tuple[tuple[float, ...], int]:
    """Measures a workload in a process of its own.

    Args:
        workload: prepares the work in that process and returns a function that does it once; it is pickled.
        repeats: number of turns, after one that is not counted.

    Returns:
        Seconds of each turn, and peak memory in bytes: on a CUDA device that of the tensors there, else that of the
        process; 0 where it is unknown.

    Raises:
        VisorVosError: raised by the workload, or when its process ended.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), start_worker) as process:
        try:
            return process.submit(_measure, workload, repeats).result()
        except BrokenProcessPool as error:
            raise VisorVosError(
                "A process that was being measured ended early, probably because memory ran out.",
                "Measure less with --only, --objects or --backbone.",
            ) from error


def _measure(workload: Workload, repeats: int) -> tuple[tuple[float, ...], int]:
    work, seconds = workload(), []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    peak_bytes = 0
    if torch.cuda.is_initialized():
        peak_bytes = torch.cuda.max_memory_allocated()
    elif sys.platform == "linux":
        # Unlike ru_maxrss, VmHWM does not include the process that started this one.
        peak_bytes = 1024 * int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    return tuple(seconds[1:]), peak_bytes


def _machine(device: torch.device) -> dict[str, str]:
    cpuinfo = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.is_file() else None
    processor = model[1] if model else platform.processor() or platform.machine()
    return {
        "processor": processor,
        "cores": str(usable_cores()),
        "device": describe_device(device),
        "system": platform.platform(),
        "visorvos": __version__,
        "Python": platform.python_version(),
        "torch": torch.__version__,
    }


def segmenting(backbone: str, device: torch.device, precision: str, video: VideoSequence, output: Path) -> Work:
    """Segments a video as ``evaluate`` does, from reading frames to writing masks."""
    stm = for_inference(untrained(backbone), device, getattr(torch, precision))
    return lambda: deque(segment_split(stm, [video], output, memory="visor"), maxlen=0)


def training(backbone: str, device: str, precision: str, side: int, clips: int, objects: int) -> Work:
    """Takes one optimizer step on clips of three frames."""
    unused = {"data": "", "output": ""}
    settings = FinetuneSettings.model_validate({**unused, "device": device, "precision": precision})
    stage = Stage("finetune", detach=True, channels=16)
    learner = Learner(untrained(backbone), start_accelerator(settings), settings, stage)
    batches = [synthetic_batch(side, objects)] * clips
    return partial(learner.step, batches, seen=0)


def scoring(truth: Path, predictions: Path, workers: int) -> Work:
    """Scores folders of masks, from reading PNGs to J and F."""
    return partial(evaluate_masks, truth, predictions, workers=workers)


def loading(make_clips: Callable[[], Clips], samples: int) -> Work:
    """Makes clips."""
    clips = make_clips()

    def work() -> None:
        for number in range(samples):
            clips.clip(number % len(clips), number // len(clips), progress=0.5)

    return work


def untrained(backbone: str) -> STM:
    """A network with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    return STM(backbone, pretrained=False).eval()


def synthetic_batch(side: int, objects: int) -> Batch:
    """One clip of a synthetic video, ``side`` pixels high and wide."""
    video = make_video(3, side, side, 0, objects)
    frames = torch.from_numpy(video.frames).permute(0, 3, 1, 2)[None]
    return Batch(frames, torch.from_numpy(video.labels())[None], ("synthetic",), step=0)


def write_video(folder: Path, height: int, width: int, frames: int, objects: int) -> VideoSequence:
    """Writes a synthetic video with its masks."""
    video = make_video(frames, height, width, 0, objects)
    frame_files = tuple(folder / "frames" / f"{number:05d}.jpg" for number in range(frames))
    mask_files = tuple(folder / "masks" / f"{number:05d}.png" for number in range(frames))
    for number, labels in enumerate(video.labels()):
        write_picture(frame_files[number], video.frames[number])
        write_mask(mask_files[number], labels)
    return VideoSequence(f"synthetic-{objects}", frame_files, mask_files)


def write_masks(root: Path, sequences: int, frames: int, height: int, width: int) -> tuple[Path, Path]:
    """Writes ground truth masks and predictions that are a few pixels off, as SEQUENCE/FRAME.png; the two folders."""
    masks = make_video(frames, height, width, 0, _SCORED_OBJECTS).labels()
    for sequence in range(sequences):
        for number, mask in enumerate(masks):
            file = f"{sequence:02d}/{number:05d}.png"
            write_mask(root / "truth" / file, np.roll(mask, sequence, 1))
            write_mask(root / "predictions" / file, np.roll(mask, (2 + number % 3, sequence + 5), (0, 1)))
    return root / "truth", root / "predictions"


def write_releases(root: Path, quick: bool) -> tuple[PretrainSettings, FinetuneSettings]:
    """Writes a COCO release and a prepared data set, ``root/VISOR_2022``; options of the stages that read them."""
    images, frames, height, width = (3, 4, 90, 160) if quick else (24, 8, 1080, 1920)
    write_synthetic_coco(root / "coco", images, 0, 480, 640)
    release = write_synthetic_visor(root / "release", {"train": 3}, frames, 0, height, width)
    prepare(PrepareSettings(annotations=release[0], images=release[1], output=root, split=("train",), num_workers=1))
    coco = PretrainSettings(coco=root / "coco", output=root)
    return coco, FinetuneSettings(data=(str(root / "VISOR_2022"),), output=root)
