"""One evaluation as a web page: scores, sequences, what makes objects hard, and masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from visorvos.core.metrics.accumulator import ObjectScores, ScoreReport, SequenceScores
from visorvos.core.metrics.bootstrap import RESAMPLES, SEED, Estimate
from visorvos.core.metrics.breakdown import MEASURES, Group, by_age, by_class, by_size, overall
from visorvos.core.report.mask_pair import MaskPair
from visorvos.core.report.page import per_mille, render

__all__ = ["Part", "evaluation_page", "parts_of", "random_masks", "worst_masks"]


@dataclass(frozen=True)
class Part:
    """The figures of a data set or a part of it, by their names in `MEASURES`."""

    label: str
    sequences: int
    figures: Mapping[str, Estimate]


def parts_of(report: ScoreReport, unseen: Collection[str] | None) -> list[Part]:
    """The whole, then the sequences of kitchens seen in training and of unseen ones, where that is known.

    Args:
        report: the scores.
        unseen: names of the sequences from unseen kitchens, or None.
    """
    named = [("All", report.sequences)]
    if unseen is not None:
        named.append(("Seen kitchens", tuple(item for item in report.sequences if item.sequence not in unseen)))
        named.append(("Unseen kitchens", tuple(item for item in report.sequences if item.sequence in unseen)))
    return [Part(label, len(sequences), overall(sequences)) for label, sequences in named if sequences]


def worst_masks(report: ScoreReport, most: int) -> list[MaskPair]:
    """The lowest J&F first and the largest first among equals; at most ``most``.

    Of each object no more than its worst, or as many of its worst as it takes where there are few objects: one
    object that was lost would else fill the list.
    """
    each = math.ceil(most / len(report.objects))
    worst = [
        _pair(item, int(number))
        for item in report.objects
        for number in np.lexsort((-item.sizes, item.region + item.contour))[:each]
    ]
    return sorted(worst, key=lambda pair: (pair.region + pair.contour, -pair.size))[:most]


def random_masks(report: ScoreReport, most: int, seed: int = SEED) -> list[MaskPair]:
    """At most ``most`` object masks of all, each as likely as any other, in the order of the report."""
    objects = report.objects
    ends = np.cumsum([len(item.frames) for item in objects])
    total = int(ends[-1])
    drawn = np.sort(np.random.default_rng(seed).choice(total, size=min(most, total), replace=False))
    places = np.searchsorted(ends, drawn, side="right")
    return [
        _pair(objects[place], int(number - (ends[place] - len(objects[place].frames))))
        for place, number in zip(places, drawn, strict=True)
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
        unseen: names of the sequences from unseen kitchens, or None where that is not known.
        parts: what `parts_of` gives.
        worst, random: object masks to show.
        shown: texts: split, data_name, source, protocol, facts (pairs of texts), settings, picture_note, version.
    """
    classes = by_class(report.sequences)
    return render(
        "evaluation.html",
        **shown,
        measures=MEASURES,
        parts=parts,
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


def _pair(item: ObjectScores, number: int) -> MaskPair:
    return MaskPair(
        item.sequence,
        item.object_id,
        item.name,
        item.frames[number],
        float(item.region[number]),
        float(item.contour[number]),
        float(item.sizes[number]),
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
