"""Which objects of a clip are followed, and by what numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["keep_objects"]


def keep_objects(
    labels: NDArray[np.uint8], ids: Sequence[int], most: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Numbers objects anew, 1..n in ascending order of id; all others become background.

    Args:
        labels: of any shape.
        ids: the objects to keep, in ascending order.
        most: how many of them, at most; of more, some by chance.
        random: where that chance comes from.
    """
    if len(ids) > most:
        ids = np.sort(random.choice(ids, most, replace=False)).tolist()
    numbers = np.zeros(256, np.uint8)
    numbers[list(ids)] = np.arange(1, len(ids) + 1)
    return numbers.take(labels)
