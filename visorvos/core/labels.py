"""Label arrays: what every room knows of them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["object_ids"]


def object_ids(labels: NDArray[np.uint8]) -> list[int]:
    """The object ids (1..255) that uint8 labels of any shape show, in ascending order."""
    if not labels.size:
        return []
    # NumPy would turn what it counts into integers of eight bytes. Counts past 2**24 are rounded, never to 0.
    counts = cv2.calcHist([labels.reshape(1, -1)], [0], None, [256], [0, 256])
    return [int(index) for index in np.flatnonzero(counts) if index > 0]
