"""Choice and numbering of the objects of a clip."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def keep_objects(
    labels: NDArray[np.uint8], ids: Sequence[int], max_objects: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Renumbers objects 1..n in ascending order of id; all others become background.

    Args:
        labels: ids, of any shape.
        ids: the objects to keep, in ascending order.
        max_objects: maximum number of objects; if there are more, a random choice of them is kept.
        random: source of all random numbers.
    """
    if len(ids) > max_objects:
        ids = np.sort(random.choice(ids, max_objects, replace=False)).tolist()
    numbers = np.zeros(256, np.uint8)
    numbers[list(ids)] = np.arange(1, len(ids) + 1)
    # Nearly three times as fast as indexing with NumPy.
    return np.asarray(cv2.LUT(labels.reshape(1, -1), numbers), np.uint8).reshape(labels.shape)
