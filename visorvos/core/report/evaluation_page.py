"""One evaluation as a web page: scores, sequences, breakdowns by class, size and time, and masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visorvos.core.metrics.bootstrap import RESAMPLES, SEED, Estimate
from visorvos.core.metrics.breakdown import MEASURES, Group, by_age, by_class, by_size, overall
from visorvos.core.metrics.scores import ScoreReport, SequenceScores
from visorvos.core.report.mask_pair import MaskPair
from visorvos.core.report.page import per_mille, render

__all__ = ["Part", "evaluation_page", "parts_of", "random_masks", "worst_masks"]


@dataclass(frozen=True)
class Part:
    """Figures of a data set or a part of it, by their names in `MEASURES`."""

    label: str
    sequences: int
    figures: Mapping[str, Estimate]


def parts_of(report: ScoreReport, unseen: Collection[str] | None) -> list[Part]:
    """The whole data set, then the sequences from seen and from unseen kitchens, where that is known.

    Args:
        report: the scores.
        unseen: names of the sequences from unseen kitchens, or None.
    """
    named = [("All", report.sequences)]
    if unseen is not None:
        named.append(("Seen kitchens", tuple(item for item in report.sequences if item.sequence not in unseen)))
        named.append(("Unseen kitchens", tuple(item for item in report.sequences if item.sequence in unseen)))
    return [Part(label, len(sequences), overall(sequences)) for label, sequences in named if sequences]


def worst_masks(report: ScoreReport, max_count: int) -> list[MaskPair]:
    """Object masks with the lowest J&F, the largest first among equals; at most ``max_count``.

    Each object contributes its worst mask only (more where there are few objects), so that a single lost object
    does not fill the list.
    """
    each = math.ceil(max_count / len(report.objects))
    worst = [
        MaskPair.from_scores(item, int(number))
        for item in report.objects
        for number in np.lexsort((-item.sizes, item.region + item.contour))[:each]
    ]
    return sorted(worst, key=lambda pair: (pair.region + pair.contour, -pair.size))[:max_count]


def random_masks(report: ScoreReport, max_count: int, seed: int = SEED) -> list[MaskPair]:
    """At most ``max_count`` object masks, drawn uniformly from all, in the order of the report."""
    objects = report.objects
    ends = np.cumsum([len(item.frames) for item in objects])
    total = int(ends[-1])
    chosen = np.sort(np.random.default_rng(seed).choice(total, size=min(max_count, total), replace=False))
    return [
        MaskPair.from_scores(objects[index], int(number - (ends[index] - len(objects[index].frames))))
        for index, number in zip(np.searchsorted(ends, chosen, side="right"), chosen, strict=True)
    ]


def evaluation_page(
    report: ScoreReport,
    unseen: Collection[str] | None,
    parts: Sequence[Part],
    worst: Sequence[MaskPair],
    random: Sequence[MaskPair],
    **shown: object,
) -> str:
    """The page as HTML.

    Args:
        report: the scores.
        unseen: names of the sequences from unseen kitchens, or None where that is unknown.
        parts: from `parts_of`.
        worst, random: object masks to show.
        shown: texts: split, data_name, source, protocol, facts (pairs of texts), settings, picture_note, version.
    """
    classes = by_class(report.sequences)
    return render(
        "evaluation.html",
        **shown,
        measures=MEASURES,
        parts=parts,
        warnings=report.warnings,
        sequences=len(report.sequences),
        objects=len(report.objects),
        masks=sum(len(item.frames) for item in report.objects),
        has_classes=bool(classes),
        sizes=by_size(report.sequences),
        ages=by_age(report.sequences),
        worst=worst,
        worst_of_each=max(Counter((pair.sequence, pair.object_id) for pair in worst).values()),
        random=random,
        resamples=RESAMPLES,
        seed=SEED,
        data={
            "sequences": [_sequence_data(item, unseen) for item in report.sequences],
            "classes": [_class_data(group) for group in classes],
        },
    )


def _sequence_data(sequence: SequenceScores, unseen: Collection[str] | None) -> list[Any]:
    objects = [
        [
            item.object_id,
            item.name,
            round(1000 * item.region_statistics.mean, 3),
            round(1000 * item.contour_statistics.mean, 3),
            per_mille(item.region),
            per_mille(item.contour),
            float(f"{100 * item.sizes.mean():.2g}"),
        ]
        for item in sequence.objects
    ]
    kitchen = None if unseen is None else sequence.sequence in unseen
    return [sequence.sequence, kitchen, sequence.objects[0].frames, objects]


def _class_data(group: Group) -> list[Any]:
    means = (group.j_and_f, group.region, group.contour)
    interval = [None, None] if group.j_and_f.interval is None else [1000 * end for end in group.j_and_f.interval]
    return [group.label, group.objects, group.masks, *(1000 * item.value for item in means), *interval]
