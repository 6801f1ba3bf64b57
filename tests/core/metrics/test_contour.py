import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visorvos.core.metrics.contour import boundary_pixels, contour_accuracy
from visorvos.errors import VisorVosError

GOLDEN = Path(__file__).parents[2] / "golden" / "metrics.npz"

shapes = st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 8))
masks = shapes.flatmap(lambda shape: arrays(bool, shape))
mask_pairs = shapes.flatmap(lambda shape: st.tuples(arrays(bool, shape), arrays(bool, shape)))


def slow_boundary(mask):
    """Coordinates (n, 2) of the boundary pixels, by looking at each pixel of the whole image."""
    height, width = mask.shape
    found = []
    for y in range(height):
        for x in range(width):
            neighbors = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            inside = [mask[v, u] for v, u in neighbors if v < height and u < width]
            if any(value != mask[y, x] for value in inside):
                found.append((y, x))
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def slow_contour_accuracy(truth, prediction):
    """F of one frame by the distances between all pairs of boundary pixels."""
    radius = math.ceil(0.008 * math.sqrt(truth.shape[0] ** 2 + truth.shape[1] ** 2))
    true_boundary, predicted_boundary = slow_boundary(truth), slow_boundary(prediction)
    if not len(true_boundary) and not len(predicted_boundary):
        return 1.0
    if not len(true_boundary) or not len(predicted_boundary):
        return 0.0
    difference = predicted_boundary[:, None] - true_boundary[None]
    near = (difference**2).sum(axis=2) <= radius**2
    precision, recall = near.any(axis=1).mean(), near.any(axis=0).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def ellipse(shape, center, axes, angle=0):
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, center, axes, angle, 0, 360, 1, -1)
    return mask.astype(bool)


def test_golden_figures():
    golden = np.load(GOLDEN)
    for object_id, expected in enumerate(golden["F"], start=1):
        scores = contour_accuracy(golden["truth"] == object_id, golden["prediction"] == object_id)
        assert scores.dtype == np.float64
        np.testing.assert_allclose(scores, expected, rtol=0, atol=1e-12)


@given(mask_pairs)
@settings(max_examples=200, deadline=None)
def test_agrees_with_all_distances(pair):
    expected = [slow_contour_accuracy(*frame) for frame in zip(*pair, strict=True)]
    np.testing.assert_allclose(contour_accuracy(*pair), expected, rtol=0, atol=1e-12)


# A tolerance of 2 to 4 pixels, so that the disk has a shape, and objects anywhere, also cut by the border.
@given(
    size=st.tuples(st.integers(20, 40), st.integers(130, 380)),
    center=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    offset=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
    true_axes=st.tuples(st.integers(0, 15), st.integers(0, 15)),
    predicted_axes=st.tuples(st.integers(0, 15), st.integers(0, 15)),
    angle=st.integers(0, 180),
)
@settings(max_examples=40, deadline=None)
def test_agrees_with_all_distances_on_objects(size, center, offset, true_axes, predicted_axes, angle):
    x, y = round(center[0] * (size[1] - 1)), round(center[1] * (size[0] - 1))
    truth = ellipse(size, (x, y), true_axes)
    prediction = ellipse(size, (x + offset[0], y + offset[1]), predicted_axes, angle)
    score = contour_accuracy(truth[None], prediction[None])
    np.testing.assert_allclose(score, [slow_contour_accuracy(truth, prediction)], rtol=0, atol=1e-12)


@given(masks)
@settings(max_examples=30, deadline=None)
def test_identical_masks_score_one(mask):
    assert (contour_accuracy(mask, mask) == 1).all()


@given(mask_pairs)
@settings(max_examples=30, deadline=None)
def test_truth_and_prediction_can_be_exchanged(pair):
    truth, prediction = pair
    np.testing.assert_array_equal(contour_accuracy(truth, prediction), contour_accuracy(prediction, truth))


def test_masks_without_a_boundary():
    empty, full = np.zeros((1, 9, 11), bool), np.ones((1, 9, 11), bool)
    half = full.copy()
    half[:, :, 5:] = False
    assert contour_accuracy(empty, empty).tolist() == [1]
    assert contour_accuracy(full, full).tolist() == [1]
    assert contour_accuracy(full, empty).tolist() == [1]
    assert contour_accuracy(empty, half).tolist() == [0]
    assert contour_accuracy(half, empty).tolist() == [0]
    assert contour_accuracy(empty[:0], full[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("pixel", "boundary"),
    [
        ((2, 2), [(1, 1), (1, 2), (2, 1), (2, 2)]),
        ((0, 0), [(0, 0)]),
        ((0, 4), [(0, 3), (0, 4)]),
        ((4, 0), [(3, 0), (4, 0)]),
        ((4, 4), [(3, 3), (3, 4), (4, 3)]),
    ],
)
def test_boundary_of_one_pixel_is_offset_towards_the_origin(pixel, boundary):
    mask = np.zeros((5, 5), bool)
    mask[pixel] = True
    assert [tuple(point) for point in slow_boundary(mask).tolist()] == boundary
    places, corners = boundary_pixels(mask.view(np.uint8), margin=3)
    assert [(place // 11 - 3, place % 11 - 3) for place in places.tolist()] == boundary
    assert corners.shape == (4, len(boundary))
    assert (corners.max(axis=0) == 1).all()


@pytest.mark.parametrize(("shift", "expected"), [(8, 1.0), (9, 0.0)])
def test_tolerance_at_480p_is_eight_pixels(shift, expected):
    truth = np.zeros((1, 480, 854), bool)
    truth[:, :, :400] = True
    prediction = np.zeros((1, 480, 854), bool)
    prediction[:, :, : 400 + shift] = True
    assert contour_accuracy(truth, prediction).tolist() == [expected]


@pytest.mark.parametrize(
    "rearrange",
    [
        lambda masks: masks[:, ::-1, ::-1],
        lambda masks: masks[:, ::2, ::2],
        np.asfortranarray,
        lambda masks: masks.transpose(0, 2, 1),
    ],
    ids=["flipped", "strided", "column-major", "transposed"],
)
def test_memory_layout_does_not_matter(rearrange):
    truth = rearrange(ellipse((60, 90), (40, 30), (20, 10))[None])
    prediction = rearrange(ellipse((60, 90), (44, 30), (20, 12))[None])
    expected = slow_contour_accuracy(truth[0], prediction[0])
    assert 0 < expected < 1
    assert contour_accuracy(truth, prediction)[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("truth", "prediction", "expected"),
    [
        (np.zeros((2, 4, 5), bool), np.zeros((2, 4, 6), bool), r"\(2, 4, 5\).*\(2, 4, 6\)"),
        (np.zeros((4, 5), bool), np.zeros((4, 5), bool), r"\(T, H, W\).*\(4, 5\)"),
        (np.zeros((1, 4, 5), np.uint8), np.zeros((1, 4, 5), bool), "boolean.*uint8"),
    ],
)
def test_what_is_no_pair_of_masks_is_refused(truth, prediction, expected):
    with pytest.raises(VisorVosError, match=expected):
        contour_accuracy(truth, prediction)
