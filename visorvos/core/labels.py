"""Label arrays: what every room knows of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["object_ids"]

_BLOCK = 1 << 20


def object_ids(labels: NDArray[np.uint8]) -> list[int]:
    """The object ids (1..255) that uint8 labels of any shape show, in ascending order."""
    flat = labels.ravel()
    # By blocks: NumPy turns what it counts into integers of eight bytes.
    counts = sum(np.bincount(flat[start : start + _BLOCK], minlength=256) for start in range(0, flat.size, _BLOCK))
    return [int(index) for index in np.flatnonzero(counts) if index > 0]
