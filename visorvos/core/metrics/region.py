"""Region similarity J."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.errors import VisorVosError

_BLOCK = 1 << 20
"""Pixels counted at once: OpenCV counts in float32, which is exact up to 2**24."""


def region_similarity(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Region similarity J: the intersection over union of two masks, frame by frame.

    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5.

    Args:
        truth: boolean (T, H, W), ground-truth masks of one object.
        prediction: boolean (T, H, W), predicted masks of the same object.

    Returns:
        float64 (T,) in [0, 1]; 1 where both masks are empty.

    Raises:
        VisorVosError: if the arrays are not boolean, not three-dimensional or differ in shape.
    """
    return np.array([label_regions(*pair, [1])[0][0] for pair in mask_pairs(truth, prediction)], dtype=np.float64)


def label_regions(
    truth: NDArray[np.uint8], prediction: NDArray[np.uint8], object_ids: Iterable[int]
) -> list[tuple[float, float]]:
    """J of each object in one frame, as defined in `region_similarity`, and the share of the frame it covers.

    Args:
        truth, prediction: labels, uint8 (H, W) each.
        object_ids: ids to score; other labels are background.
    """
    object_ids = list(object_ids)
    labels = 1 + int(max(truth.max(), prediction.max(), *object_ids))
    pairs = np.zeros((labels, labels), np.int64)
    columns = truth.reshape(-1, 1), prediction.reshape(-1, 1)
    for start in range(0, truth.size, _BLOCK):
        block = [column[start : start + _BLOCK] for column in columns]
        pairs += cv2.calcHist(block, [0, 1], None, [labels, labels], [0, labels, 0, labels]).astype(np.int64)
    true_counts, predicted_counts, both = pairs.sum(axis=1), pairs.sum(axis=0), pairs.diagonal()
    union = true_counts + predicted_counts - both
    return [
        (float(both[index] / union[index]) if union[index] else 1.0, float(true_counts[index] / truth.size))
        for index in object_ids
    ]


def mask_pairs(
    truth: NDArray[np.bool_], prediction: NDArray[np.bool_]
) -> Iterable[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Both masks of each frame, uint8 (H, W), if two arrays are boolean (T, H, W) of the same shape.

    Raises:
        VisorVosError: if not, with the expected and actual types or shapes.
    """
    for name, masks in (("truth", truth), ("prediction", prediction)):
        if masks.dtype != np.bool_:
            raise VisorVosError(
                f"{name} must be boolean masks of one object, got {masks.dtype}.",
                "Compare the labels with the object's id first: labels == object_id.",
            )
        if masks.ndim != 3 or 0 in masks.shape[1:]:
            raise VisorVosError(
                f"{name} must have the shape (T, H, W) with H and W above 0, got {masks.shape}.",
                "Give a single mask a frame axis: mask[None].",
            )
    if truth.shape != prediction.shape:
        raise VisorVosError(
            f"prediction must have the shape of truth, {truth.shape}, got {prediction.shape}.",
            "Score the same frames at the same resolution.",
        )
    return zip(truth.view(np.uint8), prediction.view(np.uint8), strict=True)
