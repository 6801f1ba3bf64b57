from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visorvos.core.metrics.region import region_similarity
from visorvos.errors import VisorVosError

GOLDEN = Path(__file__).parents[2] / "golden" / "metrics.npz"

shapes = st.tuples(st.integers(1, 3), st.integers(1, 7), st.integers(1, 7))
masks = shapes.flatmap(lambda shape: arrays(bool, shape))
mask_pairs = shapes.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


def slow_region_similarity(truth, prediction):
    scores = []
    for true_mask, predicted_mask in zip(truth.tolist(), prediction.tolist(), strict=True):
        true_pixels = {(y, x) for y, row in enumerate(true_mask) for x, value in enumerate(row) if value}
        predicted = {(y, x) for y, row in enumerate(predicted_mask) for x, value in enumerate(row) if value}
        union = true_pixels | predicted
        scores.append(len(true_pixels & predicted) / len(union) if union else 1.0)
    return scores


def test_golden_figures():
    golden = np.load(GOLDEN)
    for object_id, expected in enumerate(golden["J"], start=1):
        scores = region_similarity(golden["truth"] == object_id, golden["prediction"] == object_id)
        assert scores.dtype == np.float64
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@given(mask_pairs)
@settings(max_examples=100, deadline=None)
def test_agrees_with_sets_of_pixels(pair):
    truth, prediction = pair
    assert region_similarity(truth, prediction).tolist() == slow_region_similarity(truth, prediction)


@given(masks)
@settings(max_examples=30, deadline=None)
def test_identical_masks_score_one(mask):
    assert (region_similarity(mask, mask) == 1).all()


@given(mask_pairs)
@settings(max_examples=30, deadline=None)
def test_truth_and_prediction_can_be_exchanged(pair):
    truth, prediction = pair
    np.testing.assert_array_equal(region_similarity(truth, prediction), region_similarity(prediction, truth))


def test_empty_masks():
    empty, full = np.zeros((1, 4, 5), bool), np.ones((1, 4, 5), bool)
    assert region_similarity(empty, empty).tolist() == [1]
    assert region_similarity(empty, full).tolist() == [0]
    assert region_similarity(full, empty).tolist() == [0]
    assert region_similarity(empty[:0], full[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        (np.zeros((2, 4, 5), bool), np.zeros((2, 4, 6), bool), r"\(2, 4, 5\).*\(2, 4, 6\)"),
        (np.zeros((2, 4, 5), bool), np.zeros((1, 4, 5), bool), r"\(2, 4, 5\).*\(1, 4, 5\)"),
        (np.zeros((4, 5), bool), np.zeros((4, 5), bool), r"truth.*\(T, H, W\).*\(4, 5\)"),
        (np.zeros((1, 4, 5), bool), np.zeros((1, 1, 4, 5), bool), r"prediction.*\(T, H, W\).*\(1, 1, 4, 5\)"),
        (np.zeros((1, 0, 5), bool), np.zeros((1, 0, 5), bool), r"\(T, H, W\) with H and W above 0.*\(1, 0, 5\)"),
        (np.zeros((1, 4, 5), np.uint8), np.zeros((1, 4, 5), bool), "truth must be boolean.*uint8"),
        (np.zeros((1, 4, 5), bool), np.zeros((1, 4, 5), np.float32), "prediction must be boolean.*float32"),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(truth, prediction, expected):
    with pytest.raises(VisorVosError, match=expected):
        region_similarity(truth, prediction)
