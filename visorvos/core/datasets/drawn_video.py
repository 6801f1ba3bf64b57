"""A short video of moving shapes with its true masks, drawn from nothing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_video"]

_COLOURS = ((208, 66, 52), (60, 148, 84), (58, 96, 190))
_SUPERSAMPLING = 4


def draw_video(
    frames: int, height: int, width: int, seed: int
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.uint8]]]:
    """A disc, a square and a triangle that move over a blurred background, later ones before earlier ones.

    Args:
        frames: how many.
        height, width: of a frame, in pixels.
        seed: of the background and the paths.

    Returns:
        Frames, uint8 (H, W, 3) RGB, and their masks, uint8 (H, W) with ids 1, 2, 3.
    """
    random = np.random.default_rng(seed)
    noise = random.integers(90, 200, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8)
    background = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    radius = 0.16 * height
    starts = random.uniform(0.25, 0.75, (3, 2))
    phases = random.uniform(0, 2 * np.pi, 3)
    images, masks = [], []
    for time in np.linspace(0, 1, frames):
        image, labels = background.copy(), np.zeros((height, width), np.uint8)
        for shape in range(3):
            angle = phases[shape] + 2.5 * time
            centre = (starts[shape] + 0.2 * np.array([np.cos(angle), np.sin(angle)])) * (width, height)
            cover = _coverage(_corners(shape, angle) * radius + centre, height, width)
            blended = image + cover[..., None] * (np.array(_COLOURS[shape]) - image)
            image = np.rint(blended).astype(np.uint8)
            labels[cover >= 0.5] = shape + 1
        images.append(image)
        masks.append(labels)
    return images, masks


def _corners(shape: int, angle: float) -> NDArray[np.float64]:
    """A shape of unit radius as a polygon: disc, square, triangle."""
    count = (48, 4, 3)[shape]
    turns = angle + np.arange(count) * 2 * np.pi / count
    return np.stack((np.cos(turns), np.sin(turns)), axis=1)


def _coverage(corners: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """The share of each pixel, 0 to 1, that a polygon covers."""
    fine = np.zeros((height * _SUPERSAMPLING, width * _SUPERSAMPLING), np.uint8)
    cv2.fillPoly(fine, [np.rint(corners * _SUPERSAMPLING).astype(np.int32)], 255)
    return np.asarray(cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA), np.float64) / 255
