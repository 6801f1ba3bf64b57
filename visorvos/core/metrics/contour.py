"""Contour accuracy F."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.region import mask_pairs

Places = NDArray[np.intp]
"""(n,) flat indices of pixels in an image with a margin."""

TOLERANCE = 0.008
"""Maximum distance between matching boundary pixels, as a share of the image diagonal."""

_BATCH = 1 << 14
"""Pixels processed together, which bounds memory for noisy masks."""


def contour_accuracy(truth: NDArray[np.bool_], prediction: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Contour accuracy F: the F-measure of two masks' boundaries, frame by frame.

    A boundary pixel matches if the other mask has a boundary pixel within ceil(0.008 x diagonal) pixels
    (8 at 854x480). Precision is the share of predicted boundary pixels that match, recall the share of
    ground-truth ones, and F = 2PR / (P + R).

    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5; the tolerance and the boundary map are those of the DAVIS benchmark
    (Pont-Tuset et al., "The 2017 DAVIS Challenge on Video Object Segmentation").

    Args:
        truth: boolean (T, H, W), ground-truth masks of one object.
        prediction: boolean (T, H, W), predicted masks of the same object.

    Returns:
        float64 (T,) in [0, 1]; 1 where neither mask has a boundary, 0 where only one has. A mask that fills
        the whole image has no boundary.

    Raises:
        VisorVosError: if the arrays are not boolean, not three-dimensional or differ in shape.
    """
    return np.array([label_contours(*pair, [1])[0] for pair in mask_pairs(truth, prediction)], dtype=np.float64)


def label_contours(truth: NDArray[np.uint8], prediction: NDArray[np.uint8], object_ids: Iterable[int]) -> list[float]:
    """F of each object in one frame, as defined in `contour_accuracy`.

    Args:
        truth, prediction: labels, uint8 (H, W) each.
        object_ids: ids to score; other labels are background.
    """
    height, width = truth.shape
    radius = math.ceil(TOLERANCE * math.hypot(height, width))
    true_places, true_corners = boundary_pixels(truth, radius)
    predicted_places, predicted_corners = boundary_pixels(prediction, radius)
    near = _BoundaryMatcher(height, width, radius)
    scores = []
    for object_id in object_ids:
        true_boundary = true_places[(true_corners == object_id).any(axis=0)]
        predicted_boundary = predicted_places[(predicted_corners == object_id).any(axis=0)]
        if not len(true_boundary) or not len(predicted_boundary):
            scores.append(float(len(true_boundary) == len(predicted_boundary)))
            continue
        precision = near.count(predicted_boundary, true_boundary) / len(predicted_boundary)
        recall = near.count(true_boundary, predicted_boundary) / len(true_boundary)
        scores.append(0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall))
    return scores


def boundary_pixels(labels: NDArray[np.uint8], margin: int) -> tuple[Places, NDArray[np.uint8]]:
    """Pixels that differ from their right, lower or lower-right neighbor, with all four labels: uint8 (4, n).

    The boundary of an object consists of the pixels among them with its id in one of the four labels. Neighbors
    outside the image do not count.
    """
    height, width = labels.shape
    flat = labels.reshape(-1)
    changes = np.zeros(flat.size, np.bool_)
    np.not_equal(flat[:-1], flat[1:], out=changes[:-1])
    changes[width - 1 :: width] = False
    # If a pixel equals the one below, it differs from the lower-right one exactly where the one below does.
    changes[:-width] |= changes[width:]
    changes[:-width] |= flat[:-width] != flat[width:]
    places = np.flatnonzero(changes)
    y, x = np.divmod(places, width)
    right, below = np.where(x < width - 1, 1, 0), np.where(y < height - 1, width, 0)
    corners = np.stack([flat[places], flat[places + right], flat[places + below], flat[places + below + right]])
    return (y + margin) * (width + 2 * margin) + x + margin, corners


class _BoundaryMatcher:
    """Counts pixels within a radius of others, for images of one size with a margin of the radius.

    Works on boundary pixels only, which are few: dilating whole images took most of the scoring time.
    """

    def __init__(self, height: int, width: int, radius: int) -> None:
        stride = width + 2 * radius
        self._radius = radius
        self._distance = np.empty((height + 2 * radius) * stride, np.min_scalar_type(radius + 1))
        """Distance of each pixel to the nearest other one in its row, up to the radius."""
        rows = np.arange(-radius, radius + 1)[:, None]
        self._rows = rows * stride
        """Flat offsets to the rows above and below within the disk."""
        self._reach = np.array([[math.isqrt(radius**2 - row**2)] for row in rows.flat], self._distance.dtype)
        """Half width of the disk in each of these rows."""

    def count(self, places: Places, others: Places) -> int:
        """Number of ``places`` with at least one of ``others`` within the radius (Euclidean distance)."""
        self._distance.fill(self._radius + 1)
        for columns in range(self._radius, -1, -1):  # Nearest last, so that it stays.
            self._distance[others - columns] = columns
            self._distance[others + columns] = columns
        # Most pixels match within their own row.
        left = places[self._distance[places] > self._radius]
        found = len(places) - len(left)
        for start in range(0, len(left), _BATCH):
            distances = self._distance[left[start : start + _BATCH] + self._rows]
            found += int(np.count_nonzero((distances <= self._reach).any(axis=0)))
        return found
