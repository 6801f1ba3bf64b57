"""The size of a clip's frames, and the square that is cut from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["crop_clip", "draw_places", "resize"]

Image = NDArray[np.uint8]


def resize(frame: Image, labels: Image, factor: float, least: int = 1) -> tuple[Image, Image]:
    """A frame (bilinear) and its labels (nearest) at another size, in the same proportions.

    Args:
        frame: (H, W, 3).
        labels: (H, W).
        factor: of both sides; where a side would be under ``least`` pixels, the one that makes it so long.
        least: pixels.
    """
    height, width = labels.shape
    factor = max(factor, least / min(height, width))
    size = (max(least, round(width * factor)), max(least, round(height * factor)))
    if size == (width, height):
        return frame, labels
    # OpenCV's plain nearest neighbor lies up to a pixel beside its bilinear one; the exact one does not.
    resized = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return (
        np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8),
        np.asarray(resized, np.uint8),
    )


def crop_clip(
    frames: Sequence[Image], labels: Sequence[Image], size: int, wander: int, random: np.random.Generator
) -> tuple[Image, Image]:
    """Cuts a square from each frame of a clip, and the same one from its labels, where `draw_places` puts it.

    Args:
        frames: (H, W, 3) each, all of one size.
        labels: (H, W) each.
        size: of the square, not over a frame's sides.
        wander: pixels by which it moves at most on each axis from frame to frame; it stays inside the frame.
        random: where all random numbers come from.

    Returns:
        Frames (T, size, size, 3) and labels (T, size, size).
    """
    places = draw_places(labels, size, wander, random)
    return (
        np.stack([frame[place] for frame, place in zip(frames, places, strict=True)]),
        np.stack([mask[place] for mask, place in zip(labels, places, strict=True)]),
    )


def draw_places(
    labels: Sequence[Image], size: int, wander: int, random: np.random.Generator
) -> list[tuple[slice, slice]]:
    """Where a square lies in each frame of a clip, as rows and columns.

    On each axis, the first frame's square covers the box of the objects of all frames, or lies inside it where the
    box is larger; where there are no objects, it lies anywhere. From each frame to the next it moves by chance.

    Args:
        labels, size, wander, random: as in `crop_clip`.
    """
    height, width = labels[0].shape
    left, top, box_width, box_height = cv2.boundingRect(reduce(np.maximum, labels))
    xs = _starts(left, left + box_width, width, size, wander, len(labels), random)
    ys = _starts(top, top + box_height, height, size, wander, len(labels), random)
    return [(slice(y, y + size), slice(x, x + size)) for y, x in zip(ys, xs, strict=True)]


def _starts(
    first: int, end: int, length: int, size: int, wander: int, count: int, random: np.random.Generator
) -> list[int]:
    """Where the square of each frame begins on one axis, for a box from ``first`` to before ``end``."""
    if first == end:
        first, end = 0, length
    if end - first >= size:
        lowest, highest = first, end - size
    else:
        lowest, highest = max(0, end - size), min(first, length - size)
    starts = [int(random.integers(lowest, highest, endpoint=True))]
    for step in random.integers(-wander, wander, count - 1, endpoint=True).tolist():
        starts.append(min(max(starts[-1] + step, 0), length - size))
    return starts
