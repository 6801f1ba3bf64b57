"""Ground-truth masks of a sequence, and the predictions compared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.io.masks import WHITE, Mask, is_black_and_white, read_mask, replace_white
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError


@dataclass(frozen=True)
class GroundTruth:
    """How to read the masks of one sequence. The first mask decides."""

    first: Mask
    """The first mask, with 255 replaced as in `labels`."""
    objects: int
    """The highest id of the first mask: objects 1 to this one are tracked and scored. 0 if there are none."""
    is_black_and_white: bool
    """Whether 255 is the only object, as in DAVIS 2016. Otherwise 255 belongs to no object."""

    def labels(self, path: Path, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """Reads a ground-truth mask: uint8 (H, W) ids, of the given size of its frame; see `read_mask`."""
        return replace_white(read_mask(path, size).labels, self.is_black_and_white)

    def predicted(self, path: Path) -> NDArray[np.uint8]:
        """Reads a predicted mask: uint8 (H, W) ids. It may be black and white even if the ground truth is not.

        Raises:
            VisorVosError: if it is black and white and there are several objects.
        """
        labels = read_mask(path).labels
        white = labels.max() == WHITE and is_black_and_white(object_ids(labels))
        if white and self.objects > 1:
            raise VisorVosError(
                f"The mask {path} is black and white, but the sequence has {self.objects} objects.",
                "Save predictions with the ids of the objects.",
            )
        return replace_white(labels, white or self.is_black_and_white)


def open_ground_truth(masks: Sequence[Path]) -> GroundTruth:
    """Reads the first mask of a sequence, which decides how the others are read."""
    first = read_mask(masks[0])
    ids = object_ids(first.labels)
    black_and_white = is_black_and_white(ids)
    labels = replace_white(first.labels, black_and_white)
    return GroundTruth(Mask(labels, first.palette), max(object_ids(labels), default=0), black_and_white)


def late_objects(truth: GroundTruth, video: VideoSequence) -> dict[str, NDArray[np.uint8]]:
    """Masks of the objects that enter after the first mask: uint8 (H, W) by frame name.

    Each shows only the objects that no earlier mask shows. Empty if the data set does not count such objects.
    """
    if not video.late_objects:
        return {}
    known = set(object_ids(truth.first.labels))
    late = {}
    for path in video.masks[1:]:
        labels = truth.labels(path)
        new = [number for number in object_ids(labels) if number not in known]
        if new:
            late[path.stem] = np.where(np.isin(labels, new), labels, 0).astype(np.uint8)
            known.update(new)
    return late
