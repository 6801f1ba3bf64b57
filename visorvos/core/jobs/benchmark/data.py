"""Clips made for training, in one process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2

from visorvos.core.benchmark.plain_instances import ScannedInstances
from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.coco.clips import CocoClips
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.synthetic.release import write_synthetic_coco, write_synthetic_visor
from visorvos.core.jobs.benchmark.contest import Form, compete
from visorvos.core.jobs.benchmark.results import Figure
from visorvos.core.jobs.prepare import prepare
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings

__all__ = ["measure_data", "scanned_clips"]

_COCO_INSTANCES = 860_001
"""Of train2017."""


def measure_data(settings: BenchmarkSettings, scratch: Path, progress: Progress) -> Iterator[Figure]:
    """Samples a second a core, of either stage."""
    size, samples = ((3, 48, 64), 2) if settings.quick else ((24, 480, 640), 24)
    images, height, width = size
    frames, full = (4, (90, 160)) if settings.quick else (8, (1080, 1920))
    progress.say("Data: drawing images and videos.")
    write_synthetic_coco(scratch / "coco", images, 0, height, width)
    annotations, pictures = write_synthetic_visor(scratch / "release", {"train": 3}, frames, 0, *full)
    prepare(PrepareSettings(annotations=annotations, images=pictures, output=scratch, split=("train",), workers=1))
    coco_options = _coco_settings(scratch, settings.quick)
    open_coco(coco_options.coco)
    progress.say("Data: clips of both stages.")
    filler = 100 if settings.quick else _COCO_INSTANCES
    found = compete(
        {
            "ours": Form(_coco, (coco_options, samples)),
            "plain": Form(_scanned, (coco_options, filler, samples)),
            "visor": Form(_visor, (scratch / "VISOR_2022", samples)),
        },
        settings.repeats,
    )
    note = f"plain: {filler:,} annotations looked at for each image"
    yield Figure("data", "stage 1, COCO", "samples/s a core", samples, found["ours"], found["plain"], note=note)
    note = "the reference does no more"
    yield Figure("data", "stage 2, VISOR", "samples/s a core", samples, found["visor"], note=note)


def _coco_settings(scratch: Path, quick: bool) -> PretrainSettings:
    small: dict[str, Any] = {"crop_size": 32, "short_side": 48} if quick else {}
    augmentation: dict[str, Any] = {"least_pasted_box": 10} if quick else {}
    return PretrainSettings.model_validate(
        {"coco": scratch / "coco", "output": scratch, "augmentation": augmentation, **small}
    )


def scanned_clips(settings: PretrainSettings, filler: int) -> CocoClips:
    """The clips of stage 1 without an index, among so many more annotations of images that are not there."""
    clips = coco_clips(settings, NoProgress())
    content = json.loads((settings.coco / "annotations" / f"instances_{settings.split}.json").read_text())
    own = content["annotations"]
    others = [{**own[number % len(own)], "image_id": -1 - number} for number in range(filler)]
    clips.instances = ScannedInstances(content["images"], own + others)
    return clips


def _coco(settings: PretrainSettings, samples: int) -> Callable[[], None]:
    return _each(coco_clips(settings, NoProgress()), samples)


def _scanned(settings: PretrainSettings, filler: int, samples: int) -> Callable[[], None]:
    return _each(scanned_clips(settings, filler), samples)


def _visor(root: Path, samples: int) -> Callable[[], None]:
    return _each(visor_clips(FinetuneSettings(data=root, output=root)), samples)


def _each(clips: Clips, samples: int) -> Callable[[], None]:
    cv2.setNumThreads(1)

    def work() -> None:
        for number in range(samples):
            clips.clip(number % len(clips), number // len(clips), progress=0.5)

    return work
