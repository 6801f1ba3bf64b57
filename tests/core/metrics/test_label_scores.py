"""All objects of a frame at once, against the plain form: one object after another over the whole image."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.plain.scores import plain_contour, plain_region
from visorvos.core.metrics.contour import label_contours
from visorvos.core.metrics.region import label_regions

IDS = [1, 2, 3, 7, 255]

labels = st.sampled_from([0, 1, 2, 3, 9, 255])
shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
noise = shapes.flatmap(lambda shape: st.tuples(*(arrays(np.uint8, shape, elements=labels) for _ in range(2))))
# Pixels, bars and boxes anywhere, also cut by the border, hidden by later ones, or over the whole image.
box = st.tuples(labels, st.integers(-20, 230), st.integers(-20, 70), st.integers(0, 260), st.integers(0, 90))
scene = st.lists(st.tuples(box, st.integers(-9, 9), st.integers(-9, 9), st.booleans()), max_size=6)


def check(truth, prediction):
    objects = [(truth == index, prediction == index) for index in IDS]
    assert label_contours(truth, prediction, IDS) == [plain_contour(*pair) for pair in objects]
    regions = [(plain_region(*pair), float(pair[0].mean())) for pair in objects]
    assert label_regions(truth, prediction, IDS) == regions


@given(noise)
@settings(max_examples=200, deadline=None)
def test_noise(pair):
    check(*pair)


@given(scene, st.tuples(st.integers(50, 70), st.integers(130, 380)))
@settings(max_examples=100, deadline=None)
def test_objects(boxes, size):
    truth, prediction = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for (label, left, top, width, height), right, down, is_seen in boxes:
        cv2.rectangle(truth, (left, top), (left + width, top + height), label, -1)
        if is_seen:
            corner = (left + right, top + down)
            cv2.ellipse(prediction, corner, (width, height), 10, 0, 360, label, -1)
    check(truth, prediction)


@pytest.mark.parametrize(
    "rearrange",
    [lambda image: image[::-1, ::-1], lambda image: image[::2, ::2], np.asfortranarray, lambda image: image.T],
    ids=["flipped", "strided", "column-major", "transposed"],
)
def test_memory_layout_does_not_matter(rearrange):
    random = np.random.default_rng(1)
    small = random.choice(np.array([0, 1, 2, 255], np.uint8), (2, 12, 20))
    check(*(rearrange(cv2.resize(image, (100, 60), interpolation=cv2.INTER_NEAREST)) for image in small))


def test_counts_are_exact_where_a_float_would_not_be():
    truth = np.ones((2**12 + 1, 2**12 + 1), np.uint8)
    assert label_regions(truth, truth, [1]) == [(1.0, 1.0)]
