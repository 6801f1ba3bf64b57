"""Several sources of clips as one, mixed in given proportions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from visorvos.core.datasets.clip import Clip, Clips
from visorvos.core.datasets.order import sample_of


class MixedClips:
    """Clips of several sources (see `Clips`). Every epoch holds each source's share, rounded to whole clips.

    Each source is gone through in epochs of its own, so all of its samples come equally often, whatever its weight.

    Args:
        sources: the sources.
        weights: positive; a source's share of the clips is its weight over the sum of all.
        seed: seed of the order in which each source is gone through.
    """

    def __init__(self, sources: Sequence[Clips], weights: Sequence[float], seed: int) -> None:
        self.sources = sources
        self.weights = weights
        self.seed = seed
        length = sum(map(len, sources))
        self._bounds = [round(length * total / sum(weights)) for total in accumulate(weights, initial=0)]

    def __len__(self) -> int:
        return self._bounds[-1]

    def describe(self) -> str:
        """The descriptions of the sources, with their weights."""
        parts = zip(self.weights, self.sources, strict=True)
        return "; ".join(f"{weight:g} x ({source.describe()})" for weight, source in parts)

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """One clip; the arguments as in `Clips`."""
        index = bisect_right(self._bounds, sample) - 1
        source, (start, end) = self.sources[index], self._bounds[index : index + 2]
        number = epoch * (end - start) + sample - start
        own_epoch, own_sample = sample_of(number, len(source), self.seed)
        return source.clip(own_sample, own_epoch, progress)
