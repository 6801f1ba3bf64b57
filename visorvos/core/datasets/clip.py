"""A training clip, and what every source of clips offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Clip", "Clips"]


@dataclass(frozen=True)
class Clip:
    """Three frames and the objects to follow through them."""

    frames: NDArray[np.uint8]
    """(3, H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """(3, H, W) ids: 0 the background, the objects 1..n without a gap. The first frame shows all of them."""
    name: str
    """Where the clip is from, for sentences: "P01_01_seq_00003 frames A, B, C"."""


class Clips(Protocol):
    """A source of clips that gives the same clip for the same arguments in any process."""

    def __len__(self) -> int:
        """The number of different samples that an epoch has."""
        ...

    def describe(self) -> str:
        """A short text that differs where the samples do: a resumed run tells by it that its data changed."""
        ...

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """One clip.

        Args:
            sample: which, from 0 to below ``len``.
            epoch: how often all samples have been seen before; each epoch augments anew.
            progress: how far training is, from 0 to below 1.
        """
        ...
