"""One evaluation as a web page: scores, sequences, breakdowns by class, size and time, and masks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from visorvos.core.datasets.davis.layout import Split
from visorvos.core.metrics.bootstrap import RESAMPLES, SEED
from visorvos.core.metrics.breakdown import Group, by_age, by_class, by_size, overall
from visorvos.core.metrics.scores import MEASURES, ScoreReport
from visorvos.core.report.mask_pictures import MaskPair, picture_note, with_pictures
from visorvos.core.report.page import object_title, render

_PICTURES = 24
"""Masks in each list of pictures."""


def parts_of(report: ScoreReport, unseen: Collection[str] | None) -> list[Group]:
    """The whole data set, then the sequences from seen and from unseen kitchens, where that is known.

    Args:
        report: the scores.
        unseen: names of the sequences from unseen kitchens, or None.
    """
    named = {"All": report.sequences}
    if unseen is not None:
        named["Seen kitchens"] = tuple(item for item in report.sequences if item.sequence not in unseen)
        named["Unseen kitchens"] = tuple(item for item in report.sequences if item.sequence in unseen)
    return [overall(label, sequences) for label, sequences in named.items() if sequences]


def worst_masks(report: ScoreReport, max_count: int) -> list[MaskPair]:
    """Object masks with the lowest J&F, the largest first among equals; at most ``max_count``.

    Each object contributes its worst mask only (more where there are few objects), so that a single lost object
    does not fill the list.
    """
    each = math.ceil(max_count / len(report.objects))
    worst = [
        MaskPair(item, int(number))
        for item in report.objects
        for number in np.lexsort((-item.sizes, item.region + item.contour))[:each]
    ]
    worst.sort(key=lambda p: (p.item.region[p.number] + p.item.contour[p.number], -p.item.sizes[p.number]))
    return worst[:max_count]


def random_masks(report: ScoreReport, max_count: int, seed: int = SEED) -> list[MaskPair]:
    """At most ``max_count`` object masks, drawn uniformly from all, in the order of the report."""
    masks = [(item, number) for item in report.objects for number in range(len(item.frames))]
    chosen = np.random.default_rng(seed).choice(len(masks), size=min(max_count, len(masks)), replace=False)
    return [MaskPair(*masks[index]) for index in sorted(chosen)]


def evaluation_page(
    report: ScoreReport, parts: Sequence[Group], split: Split, predictions: Path, **shown: object
) -> str:
    """The page as HTML.

    Args:
        report: the scores.
        parts: from `parts_of`.
        split: where frames and ground-truth masks are; it may know which kitchens are unseen.
        predictions: folder of the predicted masks.
        shown: evaluation (the record to print), and texts: source, counted (frames that the protocol scores),
            settings, version.
    """
    chosen = worst_masks(report, _PICTURES), random_masks(report, _PICTURES)
    worst, random = (with_pictures(pairs, split, [predictions]) for pairs in chosen)
    unseen = split.unseen
    # In thousandths, which keeps the page small.
    curves = [
        {
            "name": sequence.sequence,
            "frames": sequence.objects[0].frames,
            "objects": [
                {
                    "id": item.object_id,
                    "title": object_title(item.object_id, item.name),
                    "j": round(1000 * item.region_statistics.mean, 3),
                    "f": round(1000 * item.contour_statistics.mean, 3),
                    "js": np.rint(1000 * item.region).astype(int).tolist(),
                    "fs": np.rint(1000 * item.contour).astype(int).tolist(),
                }
                for item in sequence.objects
            ],
        }
        for sequence in report.sequences
    ]
    return render(
        "evaluation.html",
        **shown,
        report=report,
        measures=MEASURES,
        parts=parts,
        kitchens=lambda name: "" if unseen is None else "unseen" if name in unseen else "seen",
        classes=by_class(report.sequences),
        sizes=by_size(report.sequences),
        ages=by_age(report.sequences),
        worst=worst,
        worst_of_each=max(Counter(pair.item for pair in worst).values()),
        random=random,
        picture_note=picture_note([*worst, *random]),
        data_name=split.root.resolve().name,
        resamples=RESAMPLES,
        seed=SEED,
        data=curves,
    )
