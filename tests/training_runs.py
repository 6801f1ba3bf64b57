"""Runs of training on a tiny data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

from visorvos import load_weights
from visorvos.core.training.run_folder import checkpoints

SMALL = {
    "backbone": "resnet18",
    "crop_size": 32,
    "short_side": 48,
    "iterations": 12,
    "batch_size": 2,
    "accumulate": 1,
    "learning_rate": 1e-4,
    "save_every": 4,
    "log_every": 4,
    "evaluate_every": 6,
    "device": "cpu",
    "workers": 0,
}


def squares(seed: int) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    random = np.random.default_rng(seed)
    frames, masks = [], []
    for number in range(5):
        frame = random.integers(90, 160, (48, 64, 3), dtype=np.uint8)
        labels = np.zeros((48, 64), np.uint8)
        labels[8:24, 4 + 4 * number : 20 + 4 * number] = 1
        labels[26:44, 40 - 4 * number : 56 - 4 * number] = 2
        frame[labels == 1] = (220, 40, 40)
        frame[labels == 2] = (40, 60, 220)
        frames.append(frame)
        masks.append(labels)
    return frames, masks


def arguments(data: Path, output: Path, weights: Path, *more: object, **changed: object) -> list[str]:
    config = output.parent / f"{output.name}.yaml"
    config.write_text(yaml.safe_dump({**SMALL, **changed}))
    given = ("finetune", "--config", config, "--data", data, "--output", output, "--weights", weights, *more)
    return [str(part) for part in given]


def assert_same_weights(found: Path, expected: Path) -> None:
    one, other = load_weights(found).state_dict(), load_weights(expected).state_dict()
    assert all(torch.equal(one[name], tensor) for name, tensor in other.items())


def newest(output: Path) -> int:
    """The clips that the last checkpoint has seen."""
    return max((int(path.stem) for path in checkpoints(output)), default=0)
