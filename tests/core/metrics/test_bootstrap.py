"""Intervals against cases whose intervals are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from visorvos.core.metrics.bootstrap import pooled_means


def test_the_interval_of_a_normal_mean():
    """Of n values with spread s it is the mean -+ 1.96 s / sqrt(n)."""
    values = np.random.default_rng(3).normal(0.6, 0.2, (2000, 1))
    (found,) = pooled_means(values, np.ones_like(values))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.value == pytest.approx(values.mean())
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03 * half)


def test_the_interval_is_that_of_all_resamples():
    """Of three sequences all 27 resamples can be written down; a sequence brings all of its objects."""
    sums, counts = np.array([0.2, 1.5, 2.4]), np.array([1.0, 2.0, 3.0])
    means = np.sort(
        [sums[list(drawn)].sum() / counts[list(drawn)].sum() for drawn in itertools.product(range(3), repeat=3)]
    )
    (found,) = pooled_means(sums[:, None], counts[:, None], level=0.8)
    assert found.value == pytest.approx(sums.sum() / counts.sum())
    # The 10th and 90th of 100 lie within the third and the 25th of 27.
    assert found.interval == pytest.approx((means[2], means[24]))


def test_it_is_sequences_that_are_drawn_not_objects():
    """Ten objects that always agree tell no more than one."""
    values = np.random.default_rng(1).random((50, 1))
    one, ten = pooled_means(values, np.ones((50, 1))), pooled_means(10 * values, np.full((50, 1), 10.0))
    assert one[0].interval == pytest.approx(ten[0].interval)


def test_a_paired_difference_is_surer_than_its_two_sides():
    random = np.random.default_rng(0)
    one = random.random((200, 1))
    other = one + random.normal(0.02, 0.01, (200, 1))
    counts = np.ones((200, 1))
    (difference,) = pooled_means(other - one, counts)
    half = 1.96 * (other - one).std() / np.sqrt(200)
    mean = (other - one).mean()
    assert difference.interval == pytest.approx((mean - half, mean + half), abs=0.1 * half)
    assert difference.interval[0] > 0
    (alone,) = pooled_means(one, counts)
    assert alone.interval[1] - alone.interval[0] > 10 * (difference.interval[1] - difference.interval[0])


def test_the_same_seed_draws_the_same():
    values = np.random.default_rng(2).random((30, 2))
    ones = np.ones_like(values)
    assert pooled_means(values, ones, seed=5) == pooled_means(values, ones, seed=5)
    assert pooled_means(values, ones, seed=5) != pooled_means(values, ones, seed=6)


def test_one_sequence_has_no_interval():
    assert pooled_means(np.array([[0.5]]), np.array([[1.0]]))[0].interval is None
    counts = np.array([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    both = pooled_means(counts * 0.25, counts)
    assert [item.value for item in both] == [0.25, 0.25]
    assert (both[0].interval, both[1].interval) == ((0.25, 0.25), None)


def test_a_mean_that_few_sequences_bear_on():
    """Resamples without any of them count for nothing."""
    counts = np.zeros((40, 1))
    counts[:2] = 1
    sums = counts * np.array([[0.2]] + [[0.6]] * 39)
    assert pooled_means(sums, counts)[0].interval == pytest.approx((0.2, 0.6))
