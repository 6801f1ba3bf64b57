"""Masks scored, from PNGs read to J and F."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from visorvos.core.benchmark.plain_scores import plain_contour, plain_region
from visorvos.core.datasets.synthetic.video import make_video
from visorvos.core.io.masks import mask_files, read_mask, write_mask
from visorvos.core.jobs.benchmark.contest import Form, compete, ratio
from visorvos.core.jobs.benchmark.results import Figure
from visorvos.core.metrics.score_folders import evaluate_masks
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.settings.benchmark import BenchmarkSettings

__all__ = ["draw_masks", "measure_metrics", "score_plainly"]

_OBJECTS = 5


def measure_metrics(settings: BenchmarkSettings, scratch: Path, progress: Progress) -> Iterator[Figure]:
    """Object masks scored a second: of all processes, of one, and how much of it is reading."""
    sequences, frames, height, width = (1, 3, 48, 64) if settings.quick else (12, 40, 480, 854)
    workers = settings.workers or usable_cores()
    progress.say(f"Metrics: {sequences} sequences of {frames} frames and {_OBJECTS} objects, {width}x{height}.")
    truth, predictions = draw_masks(scratch, sequences, frames, height, width)
    forms = {
        "ours": Form(_ours, (truth, predictions, workers)),
        "plain": Form(_plain, (truth, predictions)),
        "one": Form(_ours, (truth, predictions, 1)),
        "reading": Form(_reading, (truth, predictions)),
    }
    found = compete(forms, settings.repeats)
    amount = sequences * (frames - 1) * _OBJECTS
    share = 1 / ratio(found["one"], found["reading"])
    what = f"{_OBJECTS} objects, {width}x{height}"
    processes = f"{workers} process{'es' * (workers > 1)}"
    note = f"plain: one process; reading the PNGs takes {100 * share:.0f} % of the time of one process"
    yield Figure("metrics", f"{what}, {processes}", "object masks/s", amount, found["ours"], found["plain"], note=note)
    yield Figure("metrics", f"{what}, 1 process", "object masks/s", amount, found["one"], found["plain"])


def score_plainly(truth: Path, predictions: Path) -> dict[tuple[str, int], tuple[list[float], list[float]]]:
    """J and F of every frame but the first, by sequence and object: all masks read, one object after another."""
    scores: dict[tuple[str, int], tuple[list[float], list[float]]] = {}
    for folder in sorted(truth.iterdir()):
        files = mask_files(folder)
        true = np.stack([read_mask(file).labels for file in files.values()])
        found = np.stack([read_mask(predictions / folder.name / f"{name}.png").labels for name in files])
        for index in range(1, int(true[0].max()) + 1):
            pairs = [(true[t] == index, found[t] == index) for t in range(1, len(true))]
            scores[folder.name, index] = (
                [plain_region(*pair) for pair in pairs],
                [plain_contour(*pair) for pair in pairs],
            )
    return scores


def draw_masks(scratch: Path, sequences: int, frames: int, height: int, width: int) -> tuple[Path, Path]:
    """Writes true masks, SEQUENCE/FRAME.png, and predicted ones that are a few pixels off, and gives both folders."""
    truth, predictions = scratch / "truth", scratch / "predictions"
    for sequence in range(sequences):
        # Outlines scale: what is drawn small, and fast, is as good.
        small = make_video(frames, 48, 48 * width // height, sequence, _OBJECTS)
        outlines = np.rint(small.outlines * height / 48).astype(np.int32)
        for number, objects in enumerate(outlines):
            mask = np.zeros((height, width), np.uint8)
            for index, outline in enumerate(objects, start=1):
                cv2.fillPoly(mask, [outline], (index,))
            name = f"{number:05d}.png"
            write_mask(truth / f"{sequence:02d}" / name, mask)
            write_mask(predictions / f"{sequence:02d}" / name, np.roll(mask, (2 + number % 3, 5), (0, 1)))
    return truth, predictions


def _ours(truth: Path, predictions: Path, workers: int) -> Callable[[], None]:
    return lambda: _discard(evaluate_masks(truth, predictions, workers=workers))


def _plain(truth: Path, predictions: Path) -> Callable[[], None]:
    cv2.setNumThreads(1)
    return lambda: _discard(score_plainly(truth, predictions))


def _reading(truth: Path, predictions: Path) -> Callable[[], None]:
    files = [*sorted(truth.rglob("*.png")), *sorted(predictions.rglob("*.png"))]
    # A process that only reads would have each mask's memory cleared by the system; one that scores need not.
    keep_freed_memory()

    def work() -> None:
        for file in files:
            read_mask(file)

    return work


def _discard(result: object) -> None:
    del result
