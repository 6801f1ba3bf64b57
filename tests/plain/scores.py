"""J and F plainly: an object and a frame at a time, over the whole image."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["plain_contour", "plain_region"]

Mask = NDArray[np.bool_]


def plain_region(truth: Mask, prediction: Mask) -> float:
    """J of one object in one frame: boolean (H, W) each."""
    union = np.logical_or(truth, prediction).sum()
    return 1.0 if union == 0 else float(np.logical_and(truth, prediction).sum() / union)


def plain_contour(truth: Mask, prediction: Mask) -> float:
    """F of one object in one frame: boolean (H, W) each."""
    true_boundary, boundary = _boundary(truth), _boundary(prediction)
    radius = math.ceil(0.008 * math.hypot(*truth.shape))
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x**2 + y**2 <= radius**2).astype(np.uint8)
    near_truth = cv2.dilate(true_boundary.astype(np.uint8), disk).astype(bool)
    near_prediction = cv2.dilate(boundary.astype(np.uint8), disk).astype(bool)
    if boundary.sum() == 0 or true_boundary.sum() == 0:
        return float(boundary.sum() == true_boundary.sum())
    precision = float((boundary & near_truth).sum() / boundary.sum())
    recall = float((true_boundary & near_prediction).sum() / true_boundary.sum())
    return 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)


def _boundary(mask: Mask) -> Mask:
    """Pixels that differ from their right, lower or lower right neighbor; the last row and column look only along."""
    right, below, across = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    across[:-1, :-1] = mask[1:, 1:]
    differs: Mask = (mask ^ right) | (mask ^ below) | (mask ^ across)
    differs[-1] = mask[-1] ^ right[-1]
    differs[:, -1] = mask[:, -1] ^ below[:, -1]
    differs[-1, -1] = False
    return differs
