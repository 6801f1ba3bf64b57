import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visorvos.core.datasets.crop import draw_crops, resize, resized


def crop_clip(frames, masks, size, jitter, random):
    """Frames and masks, each cut where `draw_crops` says."""
    crops = draw_crops(masks, size, jitter, random)
    cut = [[image[crop] for image, crop in zip(images, crops, strict=True)] for images in (frames, masks)]
    return tuple(map(np.stack, cut))


def placed(height, width):
    """A frame in which each pixel encodes its place."""
    y, x = np.mgrid[:height, :width]
    return np.stack((y % 256, x % 256, y // 256 * 16 + x // 256), axis=2).astype(np.uint8)


def place(pixel):
    y, x, high = (int(value) for value in pixel)
    return high // 16 * 256 + y, high % 16 * 256 + x


def boxed(height, width, *boxes):
    labels = np.zeros((height, width), np.uint8)
    for number, (top, bottom, left, right) in enumerate(boxes):
        labels[top, left] = labels[bottom, right] = number + 1
    return labels


@st.composite
def cases(draw):
    height, width = draw(st.integers(8, 90)), draw(st.integers(8, 90))
    size = draw(st.integers(4, min(height, width)))

    def ends(length):
        return sorted(draw(st.lists(st.integers(0, length - 1), min_size=2, max_size=2)))

    boxes = [draw(st.none() | st.builds(lambda: (*ends(height), *ends(width)))) for _ in range(3)]
    return height, width, size, boxes, draw(st.integers(0, 25)), draw(st.integers(0, 2**32))


@given(cases())
@settings(max_examples=200, deadline=None)
def test_the_crop_covers_the_box_of_all_objects_or_lies_inside_it(case):
    height, width, size, boxes, jitter, seed = case
    frame = placed(height, width)
    masks = [boxed(height, width, box) if box else boxed(height, width) for box in boxes]
    frames, labels = crop_clip([frame] * 3, masks, size, jitter, np.random.default_rng(seed))
    corners = [place(cropped[0, 0]) for cropped in frames]
    for cropped, mask, whole, (top, left) in zip(frames, labels, masks, corners, strict=True):
        np.testing.assert_array_equal(cropped, frame[top : top + size, left : left + size])
        np.testing.assert_array_equal(mask, whole[top : top + size, left : left + size])
        assert mask.shape == (size, size)
    shown = [box for box in boxes if box]
    for axis, corner in enumerate(corners[0]):
        if shown:
            first, last = min(box[2 * axis] for box in shown), max(box[2 * axis + 1] for box in shown)
            covers = corner <= first and last < corner + size
            lies_inside = first <= corner and corner + size <= last + 1
            assert covers or lies_inside
    steps = np.abs(np.diff(corners, axis=0))
    assert steps.max() <= jitter


def starts(box, size, length, jitter, times=400):
    """The columns where the squares of three frames began, of many crops."""
    frame, mask = placed(size, length), boxed(size, length, box)
    random = np.random.default_rng(0)
    cropped = (crop_clip([frame] * 3, [mask] * 3, size, jitter, random)[0] for _ in range(times))
    return np.array([[place(one[0, 0])[1] for one in frames] for frames in cropped])


@pytest.mark.parametrize(
    ("box", "possible"),
    [
        ((0, 0, 4, 5), range(2, 5)),  # the box is smaller than the square: from where it ends to where it begins
        ((0, 0, 0, 1), range(1)),  # at the border
        ((0, 0, 1, 8), range(1, 6)),  # larger than the square
        ((0, 0, 3, 6), range(3, 4)),  # as large
    ],
)
def test_every_place_that_the_rule_allows_is_taken(box, possible):
    assert set(starts(box, 4, 10, 0)[:, 0]) == set(possible)


def test_without_objects_the_crop_lies_anywhere():
    frame, empty, random = placed(4, 10), np.zeros((4, 10), np.uint8), np.random.default_rng(0)
    corners = [place(crop_clip([frame], [empty], 4, 3, random)[0][0, 0, 0]) for _ in range(200)]
    assert set(corners) == {(0, x) for x in range(7)}


def test_the_crop_moves_from_where_it_was():
    columns = starts((0, 0, 20, 23), 8, 50, 5)
    steps = np.diff(columns, axis=1)
    assert set(steps.ravel()) == set(range(-5, 6))
    assert np.abs(columns[:, 2] - columns[:, 0]).max() > 5


def test_without_jitter_all_frames_have_one_crop():
    assert not np.diff(starts((0, 0, 20, 23), 8, 50, 0), axis=1).any()


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.1, 3), st.integers(1, 200))
@settings(max_examples=200, deadline=None)
def test_no_side_gets_too_short_and_proportions_stay(height, width, factor, min_side):
    new_height, new_width = resized(height, width, factor, min_side)
    assert min(new_height, new_width) >= min_side
    scale = max(factor, min_side / min(height, width))
    assert abs(new_height - height * scale) <= 1
    assert abs(new_width - width * scale) <= 1


def test_the_recipe_s_sizes():
    assert resized(480, 854, 0.8, 384) == (384, 683)
    assert resized(480, 854, 0.5, 384) == (384, 683)
    assert resized(480, 854, 1.1, 384) == (528, 939)
    frame, labels = np.zeros((480, 854, 3), np.uint8), np.zeros((480, 854), np.uint8)
    assert resize(frame, labels, 480, 854)[0] is frame


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.1, 1.7])
def test_frame_and_labels_are_resized_alike(factor):
    for ramp in np.mgrid[:150, :200].astype(np.uint8):
        frame, labels = resize(np.stack([ramp] * 3, axis=2), ramp, *resized(150, 200, factor))
        apart = frame[..., 0].astype(float) - labels
        assert np.abs(apart).max() <= 1
        assert abs(apart.mean()) < 0.2
