"""Mean, recall and decay of scores per frame."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Statistics:
    """One measure, J or F, over the frames of an object, or averaged over objects.

    Attributes:
        mean: mean over frames, in [0, 1].
        recall: share of the frames that score above 0.5, in [0, 1].
        decay: mean of the first quarter of the frames minus that of the last, in [-1, 1]; lower is better.
    """

    mean: float
    recall: float
    decay: float


def summarize(per_frame: NDArray[np.float64]) -> Statistics:
    """Mean, recall and decay of one object's scores.

    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5; the quarters are those of the DAVIS benchmark, which share their end frames.

    Args:
        per_frame: float64 (n,) in [0, 1], in the order of the frames, n at least 1. The decay of a
            single frame is 0.
    """
    # The small term rounds halves up; numpy would round them to even.
    edges = np.round(np.linspace(1, len(per_frame), 5) + 1e-10).astype(np.int64) - 1
    first_quarter = per_frame[edges[0] : edges[1] + 1]
    last_quarter = per_frame[edges[3] : edges[4] + 1]
    return Statistics(
        mean=float(per_frame.mean()),
        recall=float((per_frame > 0.5).mean()),
        decay=float(first_quarter.mean() - last_quarter.mean()),
    )


def average(statistics: Iterable[Statistics]) -> Statistics:
    """The mean of each statistic over one or more objects, each object counting once."""
    return Statistics(*(float(np.mean(column)) for column in zip(*map(astuple, statistics), strict=True)))
