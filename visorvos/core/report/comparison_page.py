"""Several evaluations of one split as a web page: differences, and the sequences that changed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from visorvos.core.metrics.bootstrap import RESAMPLES, SEED, Estimate
from visorvos.core.metrics.comparison import SequenceChange
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
        figures, changes: this run minus the first, from `compare_reports`; those of the first run are 0.
    """

    letter: str
    path: str
    source: str
    date: str
    report: ScoreReport
    figures: Mapping[str, Estimate]
    changes: Mapping[str, SequenceChange]


def changed_masks(before: ScoreReport, run: ComparedRun) -> list[tuple[SequenceChange, MaskPair, MaskPair]]:
    """The sequences that gained most, then those that lost most, each group by decreasing change.

    Each comes with the object mask of it that changed most, before and after.
    """
    changes = list(run.changes.values())
    gained = [change for change in changes if change.difference > 0][:_MAX_SHOWN]
    lost = [change for change in reversed(changes) if change.difference < 0][:_MAX_SHOWN]
    one, other = ({item.sequence: item.objects for item in report.sequences} for report in (before, run.report))
    shown = []
    for change in (*gained, *lost):
        pairs = list(zip(one[change.sequence], other[change.sequence], strict=True))
        gains = [np.sign(change.difference) * (b.region + b.contour - a.region - a.contour) for a, b in pairs]
        _, index, number = max((float(gain.max()), index, int(gain.argmax())) for index, gain in enumerate(gains))
        old, new = pairs[index]
        shown.append((change, MaskPair(old, number), MaskPair(new, number)))
    return shown


def comparison_page(runs: Sequence[ComparedRun], **shown: object) -> str:
    """The page as HTML.

    Args:
        runs: the first is the baseline.
        shown: masks (what `changed_masks` found for each run), and texts: split, protocol, picture_note, version.
    """
    report = runs[0].report
    figures = [figure for run in runs for figure in run.figures.values()]
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
