"""A still image as a clip: seen three times, through homographies that go on in one direction."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.crop import draw_crops

__all__ = ["crop_thrice", "draw_homographies"]

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def crop_thrice(
    frame: Image, labels: Image, shift: float, size: int, random: np.random.Generator
) -> tuple[Image, Image]:
    """Three frames of one image, as it is and through two homographies, of which one square is seen.

    The square lies where `crop.draw_crops` puts it. What comes in from outside the image is black and background.

    Args:
        frame: (H, W, 3), resampled bilinearly.
        labels: (H, W) ids: the nearest pixel's.
        shift: of corners, as in `draw_homographies`.
        size: of the square, not over the image's sides.
        random: where all random numbers come from.

    Returns:
        Frames (3, size, size, 3) and labels (3, size, size).
    """
    height, width = labels.shape
    matrices = draw_homographies(height, width, shift, random)
    masks = [labels, *(_seen(labels, matrix, height, width, cv2.INTER_NEAREST) for matrix in matrices)]
    rows, columns = draw_crops(masks, size, 0, random)[0]
    # The labels, all of which decide where the square lies, are warped whole; of the frame no more than is seen.
    to_square = np.array([(1, 0, -columns.start), (0, 1, -rows.start), (0, 0, 1)], np.float64)
    frames = [_seen(frame, to_square @ matrix, size, size, cv2.INTER_LINEAR) for matrix in matrices]
    return np.stack([frame[rows, columns], *frames]), np.stack([mask[rows, columns] for mask in masks])


def draw_homographies(height: int, width: int, shift: float, random: np.random.Generator) -> tuple[Matrix, Matrix]:
    """Two homographies, each of which brings four moved corners to the corners of an image.

    Args:
        height, width: of the image.
        shift: share of the side by which a corner moves at most, on each axis, in any direction. For the second
            homography, it is moved on in the same direction by up to as much again.
        random: where all random numbers come from.

    Returns:
        Two matrices (3, 3) that take x, y in the image to x, y in what is seen of it.
    """
    corners = np.array([(0, 0), (0, height - 1), (width - 1, height - 1), (width - 1, 0)], np.float32)
    most = shift * np.array((width, height))
    first = random.uniform(-most, most, (4, 2))
    second = first + np.sign(first) * random.uniform(0, most, (4, 2))
    return _to(corners, corners + first), _to(corners, corners + second)


def _to(corners: NDArray[np.float32], moved: NDArray[np.float64]) -> Matrix:
    return np.asarray(cv2.getPerspectiveTransform(moved.astype(np.float32), corners), np.float64)


def _seen(image: Image, matrix: Matrix, height: int, width: int, interpolation: int) -> Image:
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), flags=interpolation), np.uint8)
