"""Arrays of object ids."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def object_ids(labels: NDArray[np.uint8]) -> list[int]:
    """The object ids (1..255) in labels of any shape, in ascending order."""
    if not labels.size:
        return []
    # np.bincount would convert the labels to 8-byte integers. Counts above 2**24 are rounded, but never to 0.
    counts = cv2.calcHist([labels.reshape(1, -1)], [0], None, [256], [0, 256])
    return [int(index) for index in np.flatnonzero(counts) if index > 0]
