"""A training clip, and the interface of sources of clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """Three frames and the objects to segment in them."""

    frames: NDArray[np.uint8]
    """(3, H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """(3, H, W) ids: 0 the background, 1..n the objects, all of which the first frame shows."""
    name: str
    """Source of the clip, for messages: "P01_01_seq_00003 frames A, B, C"."""


class Clips(Protocol):
    """A source of clips. The same arguments give the same clip in any process."""

    def __len__(self) -> int:
        """Number of samples per epoch."""
        ...

    def describe(self) -> str:
        """A short text that changes with the samples, by which a resumed run notices that its data changed."""
        ...

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """Makes one clip.

        Args:
            sample: number of the sample, below ``len``.
            epoch: how often all samples have been seen before; augmentation differs between epochs.
            progress: share of training that is done, from 0 to below 1.
        """
        ...
