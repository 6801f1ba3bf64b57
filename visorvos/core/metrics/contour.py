"""Contour accuracy F."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.region import check_mask_pair

__all__ = ["contour_accuracy"]

TOLERANCE = 0.008
"""How far apart two boundaries may lie, as a share of the image's diagonal."""


def contour_accuracy(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Contour accuracy F: the F-measure of two masks' boundaries, frame by frame.

    A boundary pixel is found if the other mask has a boundary pixel within ceil(0.008 x diagonal) pixels of
    it (8 at 854x480). Precision is the share of the predicted boundary that is found, recall that of the
    true one, and F = 2PR / (P + R).

    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5; the tolerance and the boundary map are those of the DAVIS benchmark
    (Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation").

    Args:
        truth: boolean (T, H, W), one object's true masks.
        prediction: boolean (T, H, W), its predicted masks.

    Returns:
        float64 (T,) in [0, 1]; 1 where neither mask has a boundary, 0 where only one has. A mask that fills
        the whole image has none.

    Raises:
        VisorVosError: the arrays are not boolean, not three-dimensional or not of one shape.
    """
    check_mask_pair(truth, prediction)
    height, width = truth.shape[1:]
    neighbourhood = _disk(math.ceil(TOLERANCE * math.hypot(height, width)))
    return np.array(
        [
            _frame_accuracy(true_mask, predicted_mask, neighbourhood)
            for true_mask, predicted_mask in zip(truth.view(np.uint8), prediction.view(np.uint8), strict=True)
        ],
        dtype=np.float64,
    )


def _frame_accuracy(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], neighbourhood: NDArray[np.uint8]) -> float:
    """F of one frame: masks uint8 (H, W) of 0 and 1, the neighbourhood uint8 (2r+1, 2r+1)."""
    x, y, width, height = cv2.boundingRect(cv2.bitwise_or(truth, prediction))
    if width == 0:
        return 1.0
    # All boundaries lie in the box of both masks and one pixel round it: they start a pixel above and left of
    # a mask, and the empty pixels right and below must be seen. Boundaries are compared with each other
    # alone, so what their neighbourhoods hold beyond the box does not matter.
    box = np.s_[max(y - 1, 0) : y + height + 1, max(x - 1, 0) : x + width + 1]
    true_boundary = _boundary(truth[box])
    predicted_boundary = _boundary(prediction[box])
    true_count = cv2.countNonZero(true_boundary)
    predicted_count = cv2.countNonZero(predicted_boundary)
    if true_count == 0 and predicted_count == 0:
        return 1.0
    if true_count == 0 or predicted_count == 0:
        return 0.0

    precision = _count_near(predicted_boundary, true_boundary, neighbourhood) / predicted_count
    recall = _count_near(true_boundary, predicted_boundary, neighbourhood) / true_count
    if precision + recall == 0:
        return 0.0
    return 2 * precision * recall / (precision + recall)


def _boundary(mask: NDArray[np.uint8]) -> cv2.typing.MatLike:
    """Pixels that differ from their right, lower or lower-right neighbour: uint8 (H, W) of 0 and 1.

    The highest less the lowest value of each pixel and these neighbours; those outside the image never count,
    so that the last column looks only down, the last row only right, and the corner is never a boundary.
    """
    square = np.ones((2, 2), np.uint8)
    return cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, square, anchor=(0, 0))


def _count_near(boundary: cv2.typing.MatLike, other: cv2.typing.MatLike, neighbourhood: NDArray[np.uint8]) -> int:
    """How many pixels of one boundary have a pixel of the other within their neighbourhood."""
    # Measured faster than cv2.distanceTransform, and in integers throughout.
    return cv2.countNonZero(cv2.bitwise_and(boundary, cv2.dilate(other, neighbourhood)))


def _disk(radius: int) -> NDArray[np.uint8]:
    """The pixels within a radius of the centre: uint8 (2r+1, 2r+1) of 0 and 1."""
    # cv2.getStructuringElement's ellipse is not this disk: it rounds each row's width.
    offsets = np.arange(-radius, radius + 1)
    inside: NDArray[np.bool_] = offsets[:, None] ** 2 + offsets**2 <= radius**2
    return inside.astype(np.uint8)
