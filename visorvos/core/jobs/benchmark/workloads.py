"""The workloads of ``visorvos benchmark``, and the data that they need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import NoProgress
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.core.training.learner import Learner, start_accelerator
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.prepare import PrepareSettings
from visorvos.settings.pretrain import PretrainSettings

Work = Callable[[], None]


def segmenting(backbone: str, device: torch.device, precision: str, video: VideoSequence, output: Path) -> Work:
    """Segments a video as ``evaluate`` does, from reading frames to writing masks."""
    keep_freed_memory()
    stm = for_inference(untrained(backbone), device, getattr(torch, precision))

    def work() -> None:
        for _ in segment_split(stm, [video], output):
            pass
        wait_for(device)

    return work


def training(backbone: str, device: torch.device, precision: str, side: int, clips: int, objects: int) -> Work:
    """Takes one optimizer step on clips of three frames."""
    keep_freed_memory()
    learner = Learner(
        untrained(backbone),
        start_accelerator(device),
        device,
        detach=True,
        channels=16,
        freeze_batch_norm=True,
        bfloat16=precision == "bfloat16",
    )
    batches = [synthetic_batch(side, objects)] * clips

    def work() -> None:
        learner.step(batches, 1e-5, seed=0)
        wait_for(device)

    return work


def scoring(truth: Path, predictions: Path, workers: int) -> Work:
    """Scores folders of masks, from reading PNGs to J and F."""

    def work() -> None:
        evaluate_masks(truth, predictions, workers=workers)

    return work


def coco_loading(settings: PretrainSettings, samples: int) -> Work:
    """Makes clips of stage 1."""
    return _loading(coco_clips(settings, NoProgress()), samples)


def visor_loading(root: Path, samples: int) -> Work:
    """Makes clips of stage 2."""
    return _loading(visor_clips(FinetuneSettings(data=(str(root),), output=root), NoProgress()), samples)


def _loading(clips: Clips, samples: int) -> Work:
    def work() -> None:
        for number in range(samples):
            clips.clip(number % len(clips), number // len(clips), progress=0.5)

    return work


def untrained(backbone: str) -> STM:
    """A network with random weights: speed does not depend on them."""
    torch.manual_seed(0)
    return STM(backbone, pretrained=False).eval()


def wait_for(device: torch.device) -> None:
    """Returns when a device has finished its work."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


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


def write_masks(
    root: Path, sequences: int, frames: int, height: int, width: int, objects: int = 5
) -> tuple[Path, Path]:
    """Writes ground truth masks and predictions that are a few pixels off, as SEQUENCE/FRAME.png; the two folders."""
    masks = make_video(frames, height, width, 0, objects).labels()
    for sequence in range(sequences):
        for number, mask in enumerate(masks):
            file = f"{sequence:02d}/{number:05d}.png"
            write_mask(root / "truth" / file, np.roll(mask, sequence, 1))
            write_mask(root / "predictions" / file, np.roll(mask, (2 + number % 3, sequence + 5), (0, 1)))
    return root / "truth", root / "predictions"


def write_releases(root: Path, quick: bool) -> PretrainSettings:
    """Writes a prepared data set to ``root/VISOR_2022`` and a COCO release; options of stage 1 for the latter."""
    images, height, width = (3, 48, 64) if quick else (24, 480, 640)
    frames, full_height, full_width = (4, 90, 160) if quick else (8, 1080, 1920)
    release = write_synthetic_visor(root / "release", {"train": 3}, frames, 0, full_height, full_width)
    prepare(PrepareSettings(annotations=release[0], images=release[1], output=root, split=("train",), num_workers=1))
    write_synthetic_coco(root / "coco", images, 0, height, width)
    small: dict[str, Any] = {"crop_size": 32, "short_side": 48, "augmentation": {"min_pasted_box": 10}}
    return PretrainSettings.model_validate({"coco": root / "coco", "output": root, **(small if quick else {})})
