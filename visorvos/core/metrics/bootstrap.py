"""Confidence intervals of mean scores, by resampling sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0

_BATCH = 500
"""Resamples computed at once."""


@dataclass(frozen=True)
class Estimate:
    """A mean with its confidence interval.

    Attributes:
        value: the mean.
        interval: lower and upper end of the interval; None where fewer than two sequences contribute.
    """

    value: float
    interval: tuple[float, float] | None


def pooled_means(
    sums: NDArray[np.float64],
    counts: NDArray[np.float64],
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> list[Estimate]:
    """Means over all objects (or masks) with percentile bootstrap intervals.

    Scores within a sequence are correlated, so whole sequences are resampled, with replacement (Efron and
    Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13). For the paired difference of two runs,
    give the sums of the differences.

    Args:
        sums: float64 (S, K), the sum of the objects' scores per sequence, for each of K means.
        counts: float64 (S, K), the number of objects in each sum; every mean needs at least one.
        level: share of resamples inside the interval.
        resamples: number of resamples.
        seed: random seed; the same seed and S draw the same sequences.

    Returns:
        One estimate per mean, K in all.
    """
    sequences = len(sums)
    values = sums.sum(axis=0) / counts.sum(axis=0)
    random = np.random.default_rng(seed)
    means_by_batch = []
    for start in range(0, resamples, _BATCH):
        size = min(_BATCH, resamples - start)
        picked = random.integers(sequences, size=(size, sequences)) + np.arange(size)[:, None] * sequences
        times = np.bincount(picked.ravel(), minlength=size * sequences).reshape(size, sequences).astype(np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0 where a resample has no sequence that contributes to a mean.
            means_by_batch.append((times @ sums) / (times @ counts))
    ends = np.nanquantile(np.concatenate(means_by_batch), ((1 - level) / 2, (1 + level) / 2), axis=0).T.tolist()
    found = zip(values.tolist(), ends, np.count_nonzero(counts, axis=0), strict=True)
    return [Estimate(value, (low, high) if used > 1 else None) for value, (low, high), used in found]
