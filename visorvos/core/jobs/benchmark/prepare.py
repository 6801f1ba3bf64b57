"""Frames prepared: polygons drawn, pictures shrunk, both written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from visorvos.core.datasets.synthetic.release import write_synthetic_visor
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.jobs.benchmark.contest import Form, compete
from visorvos.core.jobs.benchmark.results import Figure
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.prepare import PrepareSettings

__all__ = ["measure_prepare", "prepare_plainly"]


def measure_prepare(settings: BenchmarkSettings, scratch: Path, progress: Progress) -> Iterator[Figure]:
    """Frames prepared a second, from 1920x1080 to 854x480."""
    videos, frames, height, width = (1, 3, 90, 160) if settings.quick else (12, 24, 1080, 1920)
    workers = settings.workers or usable_cores()
    progress.say(f"Prepare: {videos * frames} frames of {width}x{height}, drawn first.")
    annotations, images = write_synthetic_visor(scratch / "release", {"train": videos}, frames, 0, height, width)
    forms = {
        "ours": Form(_ours, (annotations, images, scratch / "ours", workers)),
        "plain": Form(_plain, (annotations, images, scratch / "plain")),
        "one": Form(_ours, (annotations, images, scratch / "one", 1)),
    }
    found = compete(forms, settings.repeats)
    amount = videos * frames
    what = f"{width}x{height}, {workers} process{'es' * (workers > 1)}"
    note = "plain: one process; ours with the start of its processes"
    yield Figure("prepare", what, "frames/s", amount, found["ours"], found["plain"], note=note)
    yield Figure("prepare", f"{width}x{height}, 1 process", "frames/s", amount, found["one"], found["plain"])


def prepare_plainly(annotations: Path, images: Path, output: Path) -> None:
    """The frames and masks that ``prepare`` makes of the split train, one after another, nothing checked."""
    for file in sorted((annotations / "train").glob("*.json")):
        entries = json.loads(file.read_text())["video_annotations"]
        names = sorted({thing["name"] for entry in entries for thing in entry["annotations"] if thing["segments"]})
        for entry in entries:
            image = entry["image"]
            labels = np.zeros((1080, 1920), np.uint8)
            for thing in entry["annotations"]:
                polygons = [np.array(points).astype(np.int32) for points in thing["segments"]]
                cv2.fillPoly(labels, polygons, (names.index(thing["name"]) + 1,))
            if not labels.any():
                continue
            stem = Path(image["name"]).stem
            for kind in ("Annotations", "JPEGImages"):
                (output / kind / image["subsequence"]).mkdir(parents=True, exist_ok=True)
            mask = Image.fromarray(cv2.resize(labels, (854, 480), interpolation=cv2.INTER_NEAREST))
            mask.putpalette(DAVIS_PALETTE)
            mask.save(output / "Annotations" / image["subsequence"] / f"{stem}.png")
            frame = cv2.imread(str(images / image["video"] / image["name"]))
            assert frame is not None
            small = cv2.resize(frame, (854, 480))
            cv2.imwrite(str(output / "JPEGImages" / image["subsequence"] / image["name"]), small)


def _ours(annotations: Path, images: Path, output: Path, workers: int) -> Callable[[], None]:
    settings = PrepareSettings(annotations=annotations, images=images, output=output, split=("train",), workers=workers)

    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        prepare(settings)

    return work


def _plain(annotations: Path, images: Path, output: Path) -> Callable[[], None]:
    cv2.setNumThreads(1)

    def work() -> None:
        shutil.rmtree(output, ignore_errors=True)
        prepare_plainly(annotations, images, output)

    return work
