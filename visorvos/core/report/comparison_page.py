"""Several evaluations of one split as a web page: differences, and the sequences that changed most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visorvos.core.metrics.bootstrap import RESAMPLES, SEED
from visorvos.core.metrics.breakdown import MEASURES
from visorvos.core.metrics.comparison import Difference, SequenceChange
from visorvos.core.metrics.scores import ObjectScores, ScoreReport
from visorvos.core.report.mask_pair import MaskPair
from visorvos.core.report.page import render

__all__ = ["ComparedRun", "ShownChange", "changed_masks", "comparison_page"]

_MAX_SHOWN = 6
"""Sequences shown that gained most, and as many that lost most."""


@dataclass(frozen=True)
class ComparedRun:
    """One run: its letter on the page, its path and its scores."""

    letter: str
    path: str
    source: str
    date: str
    report: ScoreReport


@dataclass(frozen=True)
class ShownChange:
    """Change of a sequence, and the object mask of it that changed most.

    Attributes:
        change: J&F of the sequence in both runs.
        pair: the mask in the later run.
        before: J and F of that mask in the first run.
    """

    change: SequenceChange
    pair: MaskPair
    before: tuple[float, float]


def changed_masks(before: ScoreReport, after: ScoreReport, difference: Difference) -> list[ShownChange]:
    """The sequences that gained most, then those that lost most, each group by decreasing change."""
    gained = [change for change in difference.sequences if change.difference > 0][:_MAX_SHOWN]
    lost = [change for change in reversed(difference.sequences) if change.difference < 0][:_MAX_SHOWN]
    one = {item.sequence: item for item in before.sequences}
    other = {item.sequence: item for item in after.sequences}
    shown = []
    for change in (*gained, *lost):
        sign = 1 if change.difference > 0 else -1
        best = (-np.inf, 0, 0)
        pairs = list(zip(one[change.sequence].objects, other[change.sequence].objects, strict=True))
        for index, (old, new) in enumerate(pairs):
            gain = sign * (new.region + new.contour - old.region - old.contour)
            best = max(best, (float(gain.max()), index, int(gain.argmax())))
        _, index, number = best
        old, new = pairs[index]
        pair = MaskPair.from_scores(new, number)
        shown.append(ShownChange(change, pair, (float(old.region[number]), float(old.contour[number]))))
    return shown


def comparison_page(
    runs: Sequence[ComparedRun],
    differences: Sequence[Difference],
    changes: Sequence[Sequence[ShownChange]],
    split: str,
    protocol: str,
    picture_note: str,
    version: str,
) -> str:
    """The page as HTML.

    Args:
        runs: the first is the baseline.
        differences: one per other run.
        changes: from `changed_masks`, one list per other run.
        split, protocol: names of the split and the protocol.
        picture_note: a sentence about missing pictures, or "".
        version: version of visorvos.
    """
    first = runs[0].report.sequences
    scores = {item.sequence: [1000 * item.j_and_f] for item in first}
    for difference in differences:
        for change in difference.sequences:
            scores[change.sequence].append(1000 * change.after)
    ends = [
        abs(end)
        for difference in differences
        for figure in difference.figures.values()
        for end in (figure.value, *(figure.interval or ()))
    ]
    return render(
        "comparison.html",
        runs=runs,
        others=list(zip(runs[1:], differences, changes, strict=True)),
        measures=MEASURES,
        reach=max(0.001, *ends) * 1.1,
        split=split,
        protocol=protocol,
        sequences=len(first),
        objects=len(runs[0].report.objects),
        resamples=RESAMPLES,
        seed=SEED,
        picture_note=picture_note,
        version=version,
        data={
            "letters": [run.letter for run in runs],
            "sequences": [
                [
                    item.sequence,
                    ", ".join(map(_title, item.objects)),
                    *scores[item.sequence],
                ]
                for item in first
            ],
        },
    )


def _title(item: ObjectScores) -> str:
    """Id and name; the isolates keep a right-to-left name from reordering the id."""
    return f"{item.object_id} \u2068{item.name}\u2069" if item.name else str(item.object_id)
