from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visorvos.core.metrics.scores import Statistics, average, summarize

GOLDEN = Path(__file__).parents[2] / "golden" / "metrics.npz"

scores = st.lists(st.floats(0, 1), min_size=1, max_size=600)


def slow_statistics(values):
    """The bins in whole numbers: edge k of 4 lies at 1 + k (n - 1) / 4, rounded half up."""
    n = len(values)
    edges = [(4 + k * (n - 1) + 2) // 4 - 1 for k in range(5)]
    first, last = values[edges[0] : edges[1] + 1], values[edges[3] : edges[4] + 1]
    mean = sum(values) / n
    return mean, sum(value > 0.5 for value in values) / n, sum(first) / len(first) - sum(last) / len(last)


def test_golden_figures():
    golden = np.load(GOLDEN)
    for object_index, expected in enumerate(golden["mean_recall_decay"]):
        for measure, row in zip(("J", "F"), expected, strict=True):
            found = summarize(golden[measure][object_index])
            np.testing.assert_allclose([found.mean, found.recall, found.decay], row, rtol=0, atol=1e-12)


@given(scores)
@settings(max_examples=100, deadline=None)
def test_agrees_with_whole_number_bins(values):
    found = summarize(np.array(values))
    np.testing.assert_allclose([found.mean, found.recall, found.decay], slow_statistics(values), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.75], Statistics(0.75, 1, 0)),
        ([1, 0], Statistics(0.5, 0.5, 1)),
        ([0.5, 0.5, 0.5], Statistics(0.5, 0, 0)),
        ([1, 0.5, 0], Statistics(0.5, 1 / 3, 0.75)),
        # Both ends of a bin belong to it: the first is frames 1 and 2, the last frames 4 and 5.
        ([1, 0.5, 0.25, 0.25, 0], Statistics(0.4, 0.2, 0.625)),
    ],
)
def test_few_frames(values, expected):
    found = summarize(np.array(values, dtype=np.float64))
    assert (found.mean, found.recall, found.decay) == pytest.approx((expected.mean, expected.recall, expected.decay))


@pytest.mark.parametrize("n", [255, 256, 257, 300, 1025])
def test_bins_do_not_wrap_in_long_sequences(n):
    falling = np.linspace(1, 0, n)
    assert summarize(falling).decay == pytest.approx(0.75, abs=0.01)
    assert summarize(falling[::-1]).decay == pytest.approx(-0.75, abs=0.01)


def test_average_counts_each_once():
    assert average([Statistics(1, 0.5, -1), Statistics(0, 1, 0.5)]) == Statistics(0.5, 0.75, -0.25)
