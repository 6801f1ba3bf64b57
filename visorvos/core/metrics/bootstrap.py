"""Confidence intervals of mean scores, by resampling sequences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "RESAMPLES", "SEED", "Estimate", "pooled_means"]

LEVEL, RESAMPLES, SEED = 0.95, 10_000, 0

_AT_ONCE = 500


@dataclass(frozen=True)
class Estimate:
    """A mean and where it may well lie.

    Attributes:
        value: the mean.
        interval: lower and upper end of its confidence interval; None where fewer than two sequences bear on
            it, so that nothing tells how it would vary.
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
    """Means over all objects (or masks), with percentile bootstrap intervals.

    Objects of one sequence rise and fall together, so it is sequences that are drawn, with replacement, each with
    all its objects (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13). A paired
    difference of two runs is the mean of the differences: give their sums.

    Args:
        sums: float64 (S, K): of each sequence, the sum of its objects' scores, for each of K means.
        counts: float64 (S, K): how many objects are in each sum. Each mean has an object at least.
        level: share of resamples inside the interval.
        resamples: how many to draw.
        seed: of the drawing. With the same seed and S the same sequences are drawn.

    Returns:
        An estimate for each of the K means.
    """
    sequences = len(sums)
    values = sums.sum(axis=0) / counts.sum(axis=0)
    random = np.random.default_rng(seed)
    drawn = []
    for start in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - start)
        picked = random.integers(sequences, size=(size, sequences)) + np.arange(size)[:, None] * sequences
        times = np.bincount(picked.ravel(), minlength=size * sequences).reshape(size, sequences).astype(np.float64)
        with np.errstate(invalid="ignore"):  # 0 / 0 where a resample lacks all sequences that bear on a mean.
            drawn.append((times @ sums) / (times @ counts))
    tails = ((1 - level) / 2, (1 + level) / 2)
    bearing = np.count_nonzero(counts, axis=0)
    return [
        Estimate(float(value), _interval(means, tails) if bears > 1 else None)
        for value, means, bears in zip(values, np.concatenate(drawn).T, bearing, strict=True)
    ]


def _interval(means: NDArray[np.float64], tails: tuple[float, float]) -> tuple[float, float]:
    low, high = np.quantile(means[~np.isnan(means)], tails)
    return float(low), float(high)
