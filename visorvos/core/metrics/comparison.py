"""Difference between two runs over the same objects, overall and per sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from visorvos.core.metrics.bootstrap import Estimate, pooled_means
from visorvos.core.metrics.scores import MEASURES, ScoreReport
from visorvos.errors import VisorVosError, listed


@dataclass(frozen=True)
class SequenceChange:
    """J&F of one sequence in both runs, each the mean over its objects, in [0, 1]."""

    sequence: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        return self.after - self.before


def compare_reports(before: ScoreReport, after: ScoreReport) -> tuple[dict[str, Estimate], dict[str, SequenceChange]]:
    """Scores of the second run minus those of the first, with intervals from resampled sequences.

    Returns:
        The mean difference over objects with its paired interval, by the names in `MEASURES`, and the change of each
        sequence by its name, largest gain first.

    Raises:
        VisorVosError: if the runs do not score the same masks.
    """
    _check_same(before, after)
    sums, counts, changes = [], [], []
    for one, other in zip(before.sequences, after.sequences, strict=True):
        pairs = zip(one.objects, other.objects, strict=True)
        sums.append(np.sum([np.subtract(b.measures, a.measures) for a, b in pairs], axis=0))
        counts.append([float(len(one.objects))] * len(MEASURES))
        changes.append(SequenceChange(one.sequence, one.j_and_f, other.j_and_f))
    estimates = pooled_means(np.array(sums), np.array(counts))
    changes.sort(key=lambda change: -change.difference)
    return dict(zip(MEASURES, estimates, strict=True)), {change.sequence: change for change in changes}


def _check_same(before: ScoreReport, after: ScoreReport) -> None:
    remedy = "Evaluate both on the same split of the same data, under one protocol."
    if before.protocol != after.protocol:
        raise VisorVosError(f"The runs differ in protocol: {before.protocol} and {after.protocol}.", remedy)
    names = [{item.sequence for item in report.sequences} for report in (before, after)]
    if names[0] != names[1]:
        only_one = sorted(names[0] ^ names[1])
        raise VisorVosError(f"The runs score different sequences: only one has {listed(only_one, 3)}.", remedy)
    for one, other in zip(before.sequences, after.sequences, strict=True):
        objects = [[(item.object_id, item.frames, item.sizes.tolist()) for item in run.objects] for run in (one, other)]
        if objects[0] != objects[1] or one.ground_truth != other.ground_truth:
            raise VisorVosError(
                f"Sequence {one.sequence}: the runs score different objects, frames or ground truth.", remedy
            )
