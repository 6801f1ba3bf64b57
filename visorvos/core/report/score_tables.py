"""Scores as the two CSV tables of the DAVIS evaluation toolkit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from visorvos.core.metrics.scores import ScoreReport

__all__ = ["global_csv", "sequence_csv"]


def global_csv(report: ScoreReport) -> str:
    """One row for the data set: J&F, then mean, recall and decay of J and of F, to three places."""
    region, contour = report.region_statistics, report.contour_statistics
    row = {
        "J&F-Mean": report.j_and_f,
        "J-Mean": region.mean,
        "J-Recall": region.recall,
        "J-Decay": region.decay,
        "F-Mean": contour.mean,
        "F-Recall": contour.recall,
        "F-Decay": contour.decay,
    }
    return _csv([row])


def sequence_csv(report: ScoreReport) -> str:
    """One row per object, named ``SEQUENCE_ID`` as in the toolkit: mean J and F, to three places."""
    return _csv(
        [
            {
                "Sequence": f"{item.sequence}_{item.object_id}",
                "J-Mean": item.region_statistics.mean,
                "F-Mean": item.contour_statistics.mean,
            }
            for item in report.objects
        ]
    )


def _csv(rows: Sequence[Mapping[str, object]]) -> str:
    text: str = pd.DataFrame(rows).to_csv(index=False, float_format="%.3f", lineterminator="\n")
    return text
