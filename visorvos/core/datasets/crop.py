"""Sizes of a clip's frames, and where the square crop lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def resized(height: int, width: int, factor: float, min_side: int = 1) -> tuple[int, int]:
    """Height and width of an image resized by a factor, or by a larger one that makes both sides ``min_side``."""
    factor = max(factor, min_side / min(height, width))
    return max(min_side, round(height * factor)), max(min_side, round(width * factor))


def resize(frame: Image, labels: Image, height: int, width: int) -> tuple[Image, Image]:
    """Resizes a frame (H, W, 3) bilinearly, and its labels (H, W) to the nearest pixel's."""
    if labels.shape == (height, width):
        return frame, labels
    # OpenCV's INTER_NEAREST is up to a pixel away from INTER_LINEAR; INTER_NEAREST_EXACT is not.
    small = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return (
        np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8),
        np.asarray(small, np.uint8),
    )


def draw_crops(
    labels: Sequence[Image], size: int, jitter: int, random: np.random.Generator
) -> list[tuple[slice, slice]]:
    """Draws the square crop of each frame of a clip, as rows and columns.

    On each axis, the first crop covers the box of the objects of all frames, or lies inside it where the box is
    larger; without objects it lies anywhere. From each frame to the next it moves at random, inside the frame.

    Args:
        labels: (H, W) ids of each frame, all of one size.
        size: side of the square, at most H and W.
        jitter: maximum movement in pixels on each axis from frame to frame.
        random: source of all random numbers.
    """
    height, width = labels[0].shape
    left, top, box_width, box_height = cv2.boundingRect(reduce(np.maximum, labels))
    xs = _starts(left, left + box_width, width, size, jitter, len(labels), random)
    ys = _starts(top, top + box_height, height, size, jitter, len(labels), random)
    return [(slice(y, y + size), slice(x, x + size)) for y, x in zip(ys, xs, strict=True)]


def _starts(
    first: int, end: int, length: int, size: int, jitter: int, count: int, random: np.random.Generator
) -> list[int]:
    """Where the crop of each frame begins on one axis, for a box from ``first`` to before ``end``."""
    if first == end:
        first, end = 0, length
    if end - first >= size:
        lowest, highest = first, end - size
    else:
        lowest, highest = max(0, end - size), min(first, length - size)
    starts = [int(random.integers(lowest, highest, endpoint=True))]
    for step in random.integers(-jitter, jitter, count - 1, endpoint=True).tolist():
        starts.append(min(max(starts[-1] + step, 0), length - size))
    return starts
