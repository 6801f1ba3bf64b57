"""Two runs over the same objects: how much better one is, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from visorvos.core.metrics.accumulator import ObjectScores, ScoreReport, SequenceScores
from visorvos.core.metrics.bootstrap import Estimate, pooled_means
from visorvos.core.metrics.breakdown import MEASURES, object_measures
from visorvos.errors import VisorVosError

__all__ = ["Difference", "SequenceChange", "compare_reports"]


@dataclass(frozen=True)
class SequenceChange:
    """One sequence's J&F in both runs, each the mean over its objects, in [0, 1]."""

    sequence: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        return self.after - self.before


@dataclass(frozen=True)
class Difference:
    """What the second run has over the first.

    Attributes:
        figures: by the names of `MEASURES`, the mean difference over objects and its paired interval.
        sequences: each one's change, those that gained most first.
    """

    figures: Mapping[str, Estimate]
    sequences: tuple[SequenceChange, ...]


def compare_reports(before: ScoreReport, after: ScoreReport) -> Difference:
    """The second run's scores less the first's, with intervals from resampled sequences.

    Raises:
        VisorVosError: the runs do not score the same masks.
    """
    _check_same(before, after)
    sums, counts, changes = [], [], []
    for one, other in zip(before.sequences, after.sequences, strict=True):
        pairs = zip(one.objects, other.objects, strict=True)
        sums.append(np.sum([np.subtract(object_measures(b), object_measures(a)) for a, b in pairs], axis=0))
        counts.append([float(len(one.objects))] * len(MEASURES))
        changes.append(SequenceChange(one.sequence, one.j_and_f, other.j_and_f))
    estimates = pooled_means(np.array(sums), np.array(counts))
    changes.sort(key=lambda change: -change.difference)
    return Difference(dict(zip(MEASURES, estimates, strict=True)), tuple(changes))


def _check_same(before: ScoreReport, after: ScoreReport) -> None:
    remedy = "Evaluate both on the same split of the same data, under one protocol."
    if before.protocol != after.protocol:
        raise VisorVosError(f"One run is scored under protocol {before.protocol}, one under {after.protocol}.", remedy)
    names = [{item.sequence for item in report.sequences} for report in (before, after)]
    if names[0] != names[1]:
        lone = min(names[0] ^ names[1])
        raise VisorVosError(
            f"The runs score different sequences: {lone} and {len(names[0] ^ names[1]) - 1} more are in one alone.",
            remedy,
        )
    for one, other in zip(before.sequences, after.sequences, strict=True):
        if not _same_masks(one, other):
            raise VisorVosError(f"In {one.sequence} the runs score other objects, frames or true masks.", remedy)


def _same_masks(one: SequenceScores, other: SequenceScores) -> bool:
    def identity(item: ObjectScores) -> tuple[object, ...]:
        return item.object_id, item.frames, item.sizes.tolist()

    return list(map(identity, one.objects)) == list(map(identity, other.objects))
