"""Several evaluations of one split as a web page: differences, and the sequences that changed most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from visorvos.core.metrics.bootstrap import RESAMPLES, SEED
from visorvos.core.metrics.comparison import Difference, SequenceChange
from visorvos.core.metrics.scores import MEASURES, ScoreReport
from visorvos.core.report.mask_pictures import MaskPair
from visorvos.core.report.page import render

_MAX_SHOWN = 6
"""Sequences shown that gained most, and as many that lost most."""


@dataclass(frozen=True)
class ComparedRun:
    """One run.

    Attributes:
        letter: its name on the page: A, B, ...
        path, source, date: the evaluation, what it scored, and when.
        report: its scores.
        difference: this run minus the first; that of the first run is 0.
        shown: from `changed_masks`.
    """

    letter: str
    path: str
    source: str
    date: str
    report: ScoreReport
    difference: Difference
    shown: Sequence[tuple[SequenceChange, MaskPair, MaskPair]] = ()

    @property
    def changes(self) -> dict[str, SequenceChange]:
        """Change of each sequence by its name."""
        return {change.sequence: change for change in self.difference.sequences}


def changed_masks(
    before: ScoreReport, after: ScoreReport, difference: Difference
) -> list[tuple[SequenceChange, MaskPair, MaskPair]]:
    """The sequences that gained most, then those that lost most, each group by decreasing change.

    Each comes with the object mask of it that changed most, before and after.
    """
    gained = [change for change in difference.sequences if change.difference > 0][:_MAX_SHOWN]
    lost = [change for change in reversed(difference.sequences) if change.difference < 0][:_MAX_SHOWN]
    one, other = ({item.sequence: item.objects for item in report.sequences} for report in (before, after))
    shown = []
    for change in (*gained, *lost):
        pairs = list(zip(one[change.sequence], other[change.sequence], strict=True))
        gains = [np.sign(change.difference) * (b.region + b.contour - a.region - a.contour) for a, b in pairs]
        _, index, number = max((float(gain.max()), index, int(gain.argmax())) for index, gain in enumerate(gains))
        old, new = (MaskPair.from_scores(item, number) for item in pairs[index])
        shown.append((change, old, new))
    return shown


def comparison_page(runs: Sequence[ComparedRun], **shown: object) -> str:
    """The page as HTML.

    Args:
        runs: the first is the baseline.
        shown: texts: split, protocol, picture_note, version.
    """
    report = runs[0].report
    figures = [figure for run in runs for figure in run.difference.figures.values()]
    ends = [abs(end) for figure in figures for end in (figure.value, *(figure.interval or ()))]
    return render(
        "comparison.html",
        **shown,
        runs=runs,
        report=report,
        objects={item.sequence: item.objects for item in report.sequences},
        measures=MEASURES,
        reach=max(0.001, *ends) * 1.1,
        resamples=RESAMPLES,
        seed=SEED,
    )
