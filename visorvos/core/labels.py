"""Label arrays: what every room knows of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["object_ids"]


def object_ids(labels: NDArray[np.uint8]) -> list[int]:
    """The object ids (1..255) that uint8 labels of any shape show, in ascending order."""
    counts = np.bincount(labels.ravel(), minlength=256)
    return [int(index) for index in np.flatnonzero(counts) if index > 0]
