"""J and F, plainly: one object and one frame at a time, over the whole image."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["plain_contour", "plain_region", "score_plainly"]

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
    """Pixels that differ from their right, lower or lower right neighbor; the last row and column only along."""
    right, below, across = mask.copy(), mask.copy(), mask.copy()
    right[:, :-1] = mask[:, 1:]
    below[:-1] = mask[1:]
    across[:-1, :-1] = mask[1:, 1:]
    differs: Mask = (mask ^ right) | (mask ^ below) | (mask ^ across)
    differs[-1] = mask[-1] ^ right[-1]
    differs[:, -1] = mask[:, -1] ^ below[:, -1]
    differs[-1, -1] = False
    return differs


def score_plainly(truth: Path, predictions: Path) -> dict[tuple[str, int], tuple[list[float], list[float]]]:
    """J and F of every frame but the first, by sequence and object id: all masks read, one object after another."""
    scores: dict[tuple[str, int], tuple[list[float], list[float]]] = {}
    for folder in sorted(truth.iterdir()):
        files = sorted(folder.iterdir())
        true = np.stack([_read(file) for file in files])
        found = np.stack([_read(predictions / folder.name / file.name) for file in files])
        for object_id in range(1, int(true[0].max()) + 1):
            pairs = [(true[t] == object_id, found[t] == object_id) for t in range(1, len(true))]
            scores[folder.name, object_id] = (
                [plain_region(*pair) for pair in pairs],
                [plain_contour(*pair) for pair in pairs],
            )
    return scores


def _read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        return np.array(image)
