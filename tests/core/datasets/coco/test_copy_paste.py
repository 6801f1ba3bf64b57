import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visorvos.core.datasets.coco.copy_paste import cut_out, draw_patch, mark, paste
from visorvos.core.datasets.coco.cut_out_warp import warp_cut_out
from visorvos.core.datasets.visor.rasterize import draw_objects
from visorvos.settings.pretrain import CocoAugmentation

HEIGHT, WIDTH = 30, 41
FRAME = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)

point = st.tuples(st.integers(-60, 90), st.integers(-60, 90))
polygons = st.lists(
    st.lists(point, min_size=3, max_size=7).map(lambda p: np.array(p, np.int32)), min_size=1, max_size=3
)


@given(polygons=polygons, index=st.integers(1, 255))
def test_a_patch_equals_drawing_on_the_whole_image(polygons, index):
    patch = draw_patch(polygons, HEIGHT, WIDTH)
    labels = np.full((HEIGHT, WIDTH), 7, np.uint8)
    mark(labels, patch, index)
    expected = draw_objects([(index, polygons)], HEIGHT, WIDTH)
    np.testing.assert_array_equal(labels, np.where(expected > 0, index, 7))
    assert set(np.unique(patch[0])) <= {0, 1}


def test_far_away_points_do_no_harm():
    far = [np.array([(-20_000, 5), (20_000, 5), (20_000, 20_000), (-20_000, 20_000)], np.int32)]
    mask, top, left = draw_patch(far, HEIGHT, WIDTH)
    assert (mask.shape, top, left, mask.min()) == ((HEIGHT - 5, WIDTH), 5, 0, 1)
    mask, _, _ = draw_patch([far[0] + np.array((0, 50), np.int32)], HEIGHT, WIDTH)
    assert not mask.any()


def box(left, top, right, bottom):
    return draw_patch([np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.int32)], HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "corners", [(10, 8, 20, 15), (0, 0, 3, 3), (30, 20, 40, 29), (0, 0, 40, 29), (5, 0, 5, 29), (7, 7, 7, 7)]
)
def test_a_cut_out_has_its_object_in_the_middle_with_room_to_turn(corners):
    left, top, right, bottom = corners
    square = cut_out(FRAME, box(*corners))
    height, width = bottom - top + 1, right - left + 1
    assert square.shape[0] == square.shape[1] >= np.hypot(height, width)
    ys, xs = np.nonzero(square[..., 3])
    assert set(np.unique(square[..., 3])) <= {0, 255}
    assert (np.ptp(ys) + 1, np.ptp(xs) + 1, len(ys)) == (height, width, height * width)
    assert abs(ys.min() + ys.max() + 1 - len(square)) <= 1
    assert abs(xs.min() + xs.max() + 1 - len(square)) <= 1
    rows, columns = (np.clip(np.arange(len(square)) - s.min() + n, 0, m) for s, n, m in ((ys, top, 29), (xs, left, 40)))
    np.testing.assert_array_equal(square[..., :3], FRAME[np.ix_(rows, columns)])


@given(side=st.integers(1, 70), x=st.integers(0, WIDTH - 1), y=st.integers(0, HEIGHT - 1), seed=st.integers(0, 99))
def test_a_cut_out_covers_what_lies_under_its_mask(side, x, y, seed):
    square = np.random.default_rng(seed).integers(0, 256, (side, side, 4), dtype=np.uint8)
    frame, labels = FRAME.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    paste(frame, labels, square, 5, (x, y))
    expected, ids = FRAME.copy(), np.zeros((HEIGHT, WIDTH), np.uint8)
    for row in range(side):
        for column in range(side):
            to_y, to_x = y - side // 2 + row, x - side // 2 + column
            if 0 <= to_y < HEIGHT and 0 <= to_x < WIDTH and square[row, column, 3] >= 128:
                expected[to_y, to_x] = square[row, column, :3]
                ids[to_y, to_x] = 5
    np.testing.assert_array_equal(frame, expected)
    np.testing.assert_array_equal(labels, ids)


def test_a_warp_takes_colors_and_mask_alike():
    square = np.zeros((101, 101, 4), np.uint8)
    cv2.ellipse(square, (50, 50), (40, 20), 20, 0, 360, (200, 150, 100, 255), -1)
    ranges = CocoAugmentation()
    random = np.random.default_rng(3)
    warped = [warp_cut_out(square, ranges, random) for _ in range(20)]
    for one in warped:
        assert one.shape == square.shape
        covered = one[..., 3] / 255
        for channel, color in enumerate((200, 150, 100)):
            assert np.abs(one[..., channel] - covered * color).max() <= 1
    areas = [np.count_nonzero(one[..., 3] >= 128) / np.count_nonzero(square[..., 3]) for one in warped]
    assert min(areas) > 0.8**2 * 0.85
    assert max(areas) < 1.2**2 * 1.05
    assert np.std(areas) > 0.05
    again = np.random.default_rng(3)
    for one in warped:
        np.testing.assert_array_equal(one, warp_cut_out(square, ranges, again))


def test_a_warp_of_zero_changes_nothing():
    square = np.random.default_rng(1).integers(0, 256, (40, 40, 4), dtype=np.uint8)
    still = CocoAugmentation(rotation=0, shear=0, scale=(1, 1))
    np.testing.assert_array_equal(warp_cut_out(square, still, np.random.default_rng(0)), square)


@pytest.mark.parametrize(("field", "value"), [("rotation", 30), ("shear", 20), ("scale", (0.8, 1.2))])
def test_a_warp_uses_each_of_its_ranges(field, value):
    square = np.random.default_rng(1).integers(0, 256, (40, 40, 4), dtype=np.uint8)
    still = {"rotation": 0, "shear": 0, "scale": (1, 1)}
    moved = warp_cut_out(square, CocoAugmentation(**(still | {field: value})), np.random.default_rng(0))
    assert np.mean(moved != square) > 0.3
