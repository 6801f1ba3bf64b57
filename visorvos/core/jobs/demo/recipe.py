"""The demo's data and training: small enough for two cores and a few minutes, without ImageNet weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos.settings.demo import DemoSettings
from visorvos.settings.finetune import FinetuneSettings, VisorAugmentation
from visorvos.settings.pretrain import CocoAugmentation, PretrainSettings

__all__ = ["FULL", "QUICK", "SHORT_SIDE", "DemoSize", "finetune_settings", "pretrain_settings"]

SHORT_SIDE = 96
"""Short side of frames in pixels, in training and evaluation."""


@dataclass(frozen=True)
class DemoSize:
    """The amount of data and training."""

    images: int
    """Images of stage 1."""
    train: int
    """Training videos of stage 2."""
    val: int
    """Videos to evaluate, with other objects."""
    frames: int
    """Frames per video."""
    pretrain: int
    """Clips of stage 1."""
    finetune: int
    """Clips of stage 2."""


FULL = DemoSize(images=120, train=48, val=12, frames=8, pretrain=180, finetune=300)
QUICK = DemoSize(images=20, train=8, val=2, frames=5, pretrain=4, finetune=4)


def pretrain_settings(settings: DemoSettings, size: DemoSize, coco: Path, output: Path) -> PretrainSettings:
    """Stage 1. The batch norms learn their statistics, since there are none from ImageNet."""
    return PretrainSettings(
        coco=coco,
        output=output,
        backbone="resnet18",
        pretrained=False,
        batch_norm="train",
        clips=size.pretrain,
        warm_up=50,
        max_objects=2,
        # The recipe's values, scaled from frames of 480 pixels to these.
        augmentation=CocoAugmentation(
            min_own=600, max_own=2, pasted=(1, 2), min_pasted_box=1200, drift=(12, 6), min_visible=100
        ),
        **_common(settings, size.pretrain),
    )


def finetune_settings(
    settings: DemoSettings, size: DemoSize, data: Path, weights: Path, output: Path
) -> FinetuneSettings:
    """Stage 2. Batch norms are frozen as in the recipe; the learning rate falls to zero."""
    return FinetuneSettings(
        data=(str(data),),
        weights=str(weights),
        output=output,
        clips=size.finetune,
        warm_up=20,
        schedule="cosine",
        max_objects=3,
        augmentation=VisorAugmentation(translation=4, crop_jitter=4),
        **_common(settings, size.finetune),
    )


def _common(settings: DemoSettings, iterations: int) -> dict[str, Any]:
    return {
        "batch_size": 1,
        "accumulate": 1,
        "lr": 3e-4,
        "crop_size": SHORT_SIDE,
        "short_side": SHORT_SIDE,
        "log_every": max(1, iterations // 20),
        "save_every": max(10, iterations // 4),
        "evaluate_every": 0,
        "num_workers": 0,
        "seed": settings.seed,
        "device": settings.device,
        "resume": True,
    }
