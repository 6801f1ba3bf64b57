import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visorvos.core.datasets.visor.rasterize import draw_objects, object_polygons

points = st.lists(st.tuples(st.integers(-5, 45), st.integers(-5, 35)), max_size=9)
entities = st.lists(st.tuples(st.integers(1, 255), st.lists(points, max_size=4)), max_size=5)
sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
masks = sizes.flatmap(lambda size: arrays(np.uint8, size, elements=st.integers(0, 3)))


def polygon(*corners):
    return np.array(corners, np.int32).reshape(-1, 2)


def redrawn(labels):
    """Every object outlined, and all outlines drawn on a new mask."""
    objects = [(index, object_polygons(labels, index)) for index in np.unique(labels).tolist() if index]
    return draw_objects(objects, *labels.shape)


@given(entities)
@settings(max_examples=300, deadline=None)
def test_polygons_to_mask_to_polygons_give_the_same_mask(drawn):
    objects = [(index, [polygon(*corners) for corners in polygons]) for index, polygons in drawn]
    labels = draw_objects(objects, 30, 40)
    np.testing.assert_array_equal(redrawn(labels), labels)


# No condition is needed: masks that no polygon would give, of single pixels and diagonal lines, return as well.
@given(masks)
@settings(max_examples=300, deadline=None)
def test_any_mask_returns_from_its_outlines(labels):
    np.testing.assert_array_equal(redrawn(labels), labels)


def test_every_mask_of_three_by_four_pixels_returns_from_its_outlines():
    bits = (np.arange(1 << 12)[:, None] >> np.arange(12) & 1).astype(np.uint8).reshape(-1, 3, 4)
    for labels in bits:
        np.testing.assert_array_equal(redrawn(labels), labels)


def test_rings_in_rings_return_from_their_outlines():
    labels = np.zeros((41, 61), np.uint8)
    for inset in range(0, 20, 2):
        cv2.rectangle(labels, (inset, inset), (60 - inset, 40 - inset), 7, 1)
    np.testing.assert_array_equal(redrawn(labels), labels)


def test_later_objects_are_drawn_over_earlier_ones():
    square, right = polygon((0, 0), (3, 0), (3, 3), (0, 3)), polygon((2, 0), (5, 0), (5, 3), (2, 3))
    labels = draw_objects([(1, [square]), (9, [right])], 4, 6)
    assert labels.dtype == np.uint8
    assert (labels == [[1, 1, 9, 9, 9, 9]] * 4).all()


def test_a_polygon_inside_another_of_its_object_is_a_hole_with_the_border_filled():
    outer, inner = polygon((0, 0), (8, 0), (8, 8), (0, 8)), polygon((2, 2), (6, 2), (6, 6), (2, 6))
    labels = draw_objects([(3, [outer, inner])], 9, 9)
    expected = np.full((9, 9), 3)
    expected[3:6, 3:6] = 0
    np.testing.assert_array_equal(labels, expected)


def test_an_empty_polygon_is_the_point_at_the_origin():
    assert np.argwhere(draw_objects([(5, [polygon()])], 3, 3)).tolist() == [[0, 0]]


def test_an_object_without_polygons_draws_nothing():
    assert not draw_objects([(5, [])], 3, 3).any()


def test_an_absent_object_has_no_polygons():
    assert object_polygons(np.zeros((3, 3), np.uint8), 1) == []
