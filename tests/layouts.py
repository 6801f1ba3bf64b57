"""Tiny data sets in the layouts of DAVIS and YouTube-VOS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.builders import write_labels


def write_sequences(root: Path, names: list[str], level: str = "", frames: int = 3) -> Path:
    """JPEGImages and Annotations of short videos in which two squares move."""
    for name in names:
        for number in range(frames):
            frame, labels = square_frame(number)
            write_frame(root / "JPEGImages" / level / name / f"{number:05d}.jpg", frame)
            write_labels(root / "Annotations" / level / name / f"{number:05d}.png", labels)
    return root


def write_youtube(root: Path, split: str, every: int = 5, between: bool = True) -> Path:
    """Two videos of 11 frames with masks for every fifth; object 2 enters at frame 5.

    Args:
        root: folder of the data set.
        split: its folder in it.
        every: distance of the frames with a mask.
        between: whether the frames between those exist.
    """
    folder, objects = root / split, {"1": {"category": "penguin"}, "2": {"category": "sedan", "frames": ["00005"]}}
    for name in ("0a", "1b"):
        for number in range(11):
            frame, labels = square_frame(number)
            if number < 5:
                frame[labels == 2], labels[labels == 2] = 120, 0
            if between or number % every == 0:
                write_frame(folder / "JPEGImages" / name / f"{number:05d}.jpg", frame)
            if number % every == 0:
                write_labels(folder / "Annotations" / name / f"{number:05d}.png", labels)
    (folder / "meta.json").write_text(json.dumps({"videos": {n: {"objects": objects} for n in ("0a", "1b")}}))
    return root


def square_frame(number: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """A frame (48, 64, 3) and its labels."""
    labels = np.zeros((48, 64), np.uint8)
    labels[8:24, 4 + 2 * number : 20 + 2 * number] = 1
    labels[26:44, 40 - 2 * number : 56 - 2 * number] = 2
    return np.array([(120, 120, 120), (220, 40, 40), (40, 60, 220)], np.uint8)[labels], labels


def write_frame(path: Path, frame: np.ndarray[Any, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(frame).save(path, quality=95)
