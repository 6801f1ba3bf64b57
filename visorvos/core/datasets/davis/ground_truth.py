"""Annotated masks of a data set, whichever way they mark a single object or no object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.masks import BLACK_AND_WHITE, Mask, read_mask
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError

__all__ = ["Truth", "open_truth"]

_WHITE = 255


@dataclass(frozen=True)
class Truth:
    """How to read the masks of one sequence, told by its first."""

    first: Mask
    """The first mask, read as `labels` does."""
    objects: int
    """The highest id of the first mask: objects 1 to this are tracked and scored (0: there are none)."""
    is_black_and_white: bool
    """Whether 255 marks the one object (DAVIS 2016); otherwise it marks no object."""

    def labels(self, path: Path) -> NDArray[np.uint8]:
        """An annotated mask: uint8 (H, W) ids."""
        return self._meant(read_mask(path).labels)

    def predicted(self, path: Path) -> NDArray[np.uint8]:
        """A predicted mask, which may show a single object in white whatever the truth does: uint8 (H, W).

        Raises:
            VisorVosError: where it is black and white, and there are several objects.
        """
        labels = read_mask(path).labels
        if not self.is_black_and_white and labels.max() == _WHITE and set(object_ids(labels)) == BLACK_AND_WHITE:
            if self.objects > 1:
                raise VisorVosError(
                    f"The mask {path} is black and white, but the sequence has {self.objects} objects.",
                    "Save predictions with the ids of the objects.",
                )
            return np.where(labels == _WHITE, 1, 0).astype(np.uint8)
        return self._meant(labels)

    def _meant(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if labels.max() < _WHITE:
            return labels
        return np.where(labels == _WHITE, int(self.is_black_and_white), labels).astype(np.uint8)


def open_truth(masks: Sequence[Path]) -> Truth:
    """Reads the first of a sequence's masks and what follows from it for the others."""
    first = read_mask(masks[0])
    ids = object_ids(first.labels)
    black_and_white = set(ids) == BLACK_AND_WHITE
    count = 1 if black_and_white else max((index for index in ids if index != _WHITE), default=0)
    truth = Truth(first, count, black_and_white)
    return Truth(Mask(truth._meant(first.labels), first.palette), count, black_and_white)
