import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.datasets.coco.homography import crop_thrice, draw_homographies
from visorvos.core.datasets.crop import draw_crops

HEIGHT, WIDTH, SIZE = 60, 90, 40


def mapped(matrix, points):
    return cv2.perspectiveTransform(np.asarray(points, np.float64)[None], matrix)[0]


@given(height=st.integers(8, 2000), width=st.integers(8, 2000), shift=st.floats(0, 0.1), seed=st.integers(0, 2**32))
def test_corners_move_at_most_by_the_shift_and_continue_in_their_direction(height, width, shift, seed):
    corners = np.array([(0, 0), (0, height - 1), (width - 1, height - 1), (width - 1, 0)], float)
    matrices = draw_homographies(height, width, shift, np.random.default_rng(seed))
    first, second = (mapped(np.linalg.inv(matrix), corners) - corners for matrix in matrices)
    room, rounding = shift * np.array((width, height)), 1e-4 * max(height, width)
    assert (np.abs(first) <= room + rounding).all()
    assert (np.abs(second - first) <= room + rounding).all()
    assert (np.abs(second) >= np.abs(first) - 2 * rounding).all()
    away = np.abs(first) > rounding
    assert (np.sign(second) == np.sign(first))[away].all()


def test_corners_move_in_every_direction_and_further_by_as_much():
    random = np.random.default_rng(0)
    corners = np.array([(0, 0), (0, 99), (199, 99), (199, 0)], float)
    moves = []
    for _ in range(300):
        matrices = draw_homographies(100, 200, 0.1, random)
        moves.append([mapped(np.linalg.inv(matrix), corners) - corners for matrix in matrices])
    first, second = np.moveaxis(np.array(moves), 1, 0)
    for moved in (first, np.abs(second - first) * 2 - (20, 10)):
        assert (moved.min((0, 1)) < (-19, -9.5)).all()
        assert (moved.max((0, 1)) > (19, 9.5)).all()
        assert (np.abs(moved.mean((0, 1))) < (1.5, 0.75)).all()


@pytest.mark.parametrize("seed", range(8))
def test_the_square_is_cut_from_the_frames_as_if_they_had_been_warped_whole(seed):
    random = np.random.default_rng(seed)
    frame = cv2.GaussianBlur(random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 2)
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[20:45, 30:60] = 1
    labels[30:35, 10:20] = 2
    frames, masks = crop_thrice(frame, labels, 0.1, SIZE, np.random.default_rng(seed))
    assert (frames.shape, masks.shape) == ((3, SIZE, SIZE, 3), (3, SIZE, SIZE))
    random = np.random.default_rng(seed)
    matrices = [np.eye(3), *draw_homographies(HEIGHT, WIDTH, 0.1, random)]
    whole = [cv2.warpPerspective(labels, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_NEAREST) for matrix in matrices]
    place = draw_crops(whole, SIZE, 0, random)[0]
    for number, matrix in enumerate(matrices):
        np.testing.assert_array_equal(masks[number], whole[number][place])
        expected = cv2.warpPerspective(frame, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)[place]
        assert np.abs(frames[number].astype(int) - expected).max() <= 2
    np.testing.assert_array_equal(frames[0], frame[place])


def inside(mask):
    """Pixels at least three away from where the mask ends, and from the border: no colors mix there."""
    return cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8), borderType=0, borderValue=0) > 0


@pytest.mark.parametrize("seed", range(8))
def test_marks_in_frame_and_labels_stay_together(seed):
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(labels, (30, 25), 12, (1,), -1)
    cv2.circle(labels, (62, 40), 12, (2,), -1)
    frame = np.repeat(labels[..., None] * 100, 3, 2)
    frames, masks = crop_thrice(frame, labels, 0.1, SIZE, np.random.default_rng(seed))
    assert inside(masks[0] > 0).any()
    assert (masks[1:] != masks[0]).any()
    for seen, mask in zip(frames, masks, strict=True):
        for index in (0, 1, 2):
            assert (seen[inside(mask == index)] == 100 * index).all()
