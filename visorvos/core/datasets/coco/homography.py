"""A still image as a clip of three frames: as it is, and through two homographies that continue in one direction."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.crop import draw_crops

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def crop_thrice(
    frame: Image, labels: Image, shift: float, size: int, random: np.random.Generator
) -> tuple[Image, Image]:
    """Three frames of one image, as it is and through two homographies, all with the same square crop.

    The crop is drawn as `crop.draw_crops` says. Pixels from outside the image are black and background.

    Args:
        frame: (H, W, 3), resampled bilinearly.
        labels: (H, W) ids, resampled to the nearest pixel's.
        shift: maximum movement of the corners, as in `draw_homographies`.
        size: side of the crop, at most H and W.
        random: source of all random numbers.

    Returns:
        Frames (3, size, size, 3) and labels (3, size, size).
    """
    height, width = labels.shape
    matrices = draw_homographies(height, width, shift, random)
    masks = [labels, *(_warped(labels, matrix, height, width, cv2.INTER_NEAREST) for matrix in matrices)]
    rows, columns = draw_crops(masks, size, 0, random)[0]
    # Labels are warped whole, since all of them decide where the crop lies; frames only where the crop is.
    to_crop = np.array([(1, 0, -columns.start), (0, 1, -rows.start), (0, 0, 1)], np.float64)
    frames = [_warped(frame, to_crop @ matrix, size, size, cv2.INTER_LINEAR) for matrix in matrices]
    return np.stack([frame[rows, columns], *frames]), np.stack([mask[rows, columns] for mask in masks])


def draw_homographies(height: int, width: int, shift: float, random: np.random.Generator) -> list[Matrix]:
    """Draws two homographies, each of which maps four moved corners to the corners of an image.

    Args:
        height, width: size of the image.
        shift: maximum movement of a corner on each axis, as a share of the side. For the second homography, corners
            move further in the same direction, by up to as much again.
        random: source of all random numbers.

    Returns:
        Two matrices (3, 3) that map x, y in the image to x, y in the frame.
    """
    corners = np.array([(0, 0), (0, height - 1), (width - 1, height - 1), (width - 1, 0)], np.float32)
    limit = shift * np.array((width, height))
    first = random.uniform(-limit, limit, (4, 2))
    second = first + np.sign(first) * random.uniform(0, limit, (4, 2))
    moved = [(corners + step).astype(np.float32) for step in (first, second)]
    return [np.asarray(cv2.getPerspectiveTransform(points, corners), np.float64) for points in moved]


def _warped(image: Image, matrix: Matrix, height: int, width: int, interpolation: int) -> Image:
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), flags=interpolation), np.uint8)
