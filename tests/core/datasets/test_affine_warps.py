import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.test_architecture import PACKAGE, imports
from visorvos.core.datasets import affine_warps
from visorvos.core.datasets.affine_warps import AffineRanges, warp, warp_cut_out

RECIPE = AffineRanges(rotation=30, shear=15, translation=15, scale=(0.8, 1.2), probability=0.5)
STILL = AffineRanges(rotation=0, shear=0, translation=0, scale=(1, 1), probability=1)
COLORS = np.random.default_rng(5).integers(0, 256, (256, 3), dtype=np.uint8)
HEIGHT, WIDTH = 120, 161


def marked(height=HEIGHT, width=WIDTH):
    """Discs of all sorts in labels, and a frame that shows each in a color of its own."""
    labels, random = np.full((height, width), 200, np.uint8), np.random.default_rng(1)
    for index in range(1, 13):
        center = random.uniform(0.2, 0.8, 2) * (width, height)
        cv2.circle(labels, center.astype(int).tolist(), 9, (index,), -1)
    return COLORS[labels], labels


def deep_inside(labels, depth):
    """Pixels farther than ``depth`` from any other label and from the image's border."""
    borders = cv2.morphologyEx(np.pad(labels, 1, constant_values=255), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    return cv2.distanceTransform((borders == 0).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1] > depth


@pytest.mark.parametrize("seed", range(12))
def test_marks_in_frame_and_labels_land_on_the_same_pixels(seed):
    frame, labels = marked()
    warped, mask = warp(frame, labels, replace(RECIPE, probability=1), np.random.default_rng(seed))
    colors = COLORS.copy()
    colors[0] = 0
    inside = deep_inside(mask, 3)
    assert len(np.unique(mask[inside])) > 8
    np.testing.assert_array_equal(warped[inside], colors[mask[inside]])
    # Of all the pixels, edges between marks included, the frame is nearly everywhere nearest to its mark's color.
    distances = np.abs(warped[:, :, None].astype(int) - colors[None, None, np.unique(mask)]).sum(axis=3)
    assert (np.unique(mask)[distances.argmin(axis=2)] == mask).mean() > 0.93


def recovered(ranges, seed):
    """The matrix (2, 3) of a warp about the frame's center, told from where points of the labels went."""
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    middle = np.array([WIDTH - 1, HEIGHT - 1]) / 2
    points = middle + np.array([(x, y) for x in (-40, 0, 40) for y in (-28, 0, 28)])
    for index, point in enumerate(points):
        cv2.circle(labels, np.rint(point).astype(int).tolist(), 6, (index + 1,), -1)
    _, warped = warp(np.zeros((HEIGHT, WIDTH, 3), np.uint8), labels, ranges, np.random.default_rng(seed))

    def centers(image):
        return np.array([np.argwhere(image == index + 1).mean(axis=0)[::-1] for index in range(len(points))]) - middle

    sources = np.column_stack((centers(labels), np.ones(len(points))))
    return np.linalg.lstsq(sources, centers(warped), rcond=None)[0].T


def spread_over(values, lowest, highest):
    """Whether values keep to a range and fill it evenly."""
    shares = (np.array(values) - lowest) / (highest - lowest)
    return -0.03 < shares.min() < 0.15 and 0.85 < shares.max() < 1.03 and 0.35 < shares.mean() < 0.65


def test_rotations_are_of_the_range():
    angles = []
    for seed in range(50):
        matrix = recovered(replace(STILL, rotation=30), seed)
        angle = np.arctan2(matrix[1, 0], matrix[0, 0])
        turned = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0]]
        np.testing.assert_allclose(matrix[:, :2], np.array(turned)[:, :2], atol=0.02)
        np.testing.assert_allclose(matrix[:, 2], 0, atol=0.5)
        angles.append(np.degrees(angle))
    assert spread_over(angles, -30, 30)


def test_shears_are_of_the_range_and_alike_on_both_axes():
    angles = []
    for seed in range(50):
        matrix = recovered(replace(STILL, shear=15), seed)
        # On x after on y: [[1, -t], [0, 1]] @ [[1, 0], [t, 1]].
        tangent = matrix[1, 0]
        np.testing.assert_allclose(matrix[:, :2], [[1 - tangent**2, -tangent], [tangent, 1]], atol=0.02)
        np.testing.assert_allclose(matrix[:, 2], 0, atol=0.5)
        angles.append(np.degrees(np.arctan(tangent)))
    assert spread_over(angles, -15, 15)


def test_translations_are_whole_pixels_of_the_range_on_each_axis_apart():
    shifts = []
    for seed in range(60):
        matrix = recovered(replace(STILL, translation=15), seed)
        np.testing.assert_allclose(matrix[:, :2], np.eye(2), atol=1e-6)
        np.testing.assert_allclose(matrix[:, 2], np.rint(matrix[:, 2]), atol=1e-6)
        shifts.append(matrix[:, 2])
    for shift in np.transpose(shifts):
        assert spread_over(shift, -15, 15)
    assert abs(np.corrcoef(np.transpose(shifts))[0, 1]) < 0.4


def test_scales_are_of_the_range_on_each_axis_apart():
    scales = []
    for seed in range(60):
        matrix = recovered(replace(STILL, scale=(0.8, 1.2)), seed)
        np.testing.assert_allclose(matrix - np.diag(np.diag(matrix[:, :2])) @ np.eye(2, 3), 0, atol=0.5)
        assert abs(matrix[0, 1]) < 0.02
        assert abs(matrix[1, 0]) < 0.02
        scales.append(np.diag(matrix[:, :2]))
    for scale in np.transpose(scales):
        assert spread_over(scale, 0.8, 1.2)
    assert abs(np.corrcoef(np.transpose(scales))[0, 1]) < 0.4


def test_each_of_the_four_has_the_probability_and_all_orders_come():
    random = np.random.default_rng(0)
    drawn = [tuple(next(iter(step)) for step in affine_warps._draw(RECIPE, random)) for _ in range(4000)]
    kinds = {"rotate", "shear", "translate_px", "scale"}
    for kind in kinds:
        # Five standard deviations.
        assert abs(sum(kind in steps for steps in drawn) - 2000) < 158
    whole = [steps for steps in drawn if len(steps) == 4]
    assert abs(len(whole) - 250) < 77
    assert all(set(steps) == kinds for steps in whole)
    assert len(set(whole)) == 24


def test_with_probability_0_frame_and_labels_are_those_given():
    frame, labels = marked()
    warped, mask = warp(frame, labels, replace(RECIPE, probability=0), np.random.default_rng(0))
    assert warped is frame
    assert mask is labels
    cut_out = np.full((9, 9, 4), 7, np.uint8)
    assert warp_cut_out(cut_out, replace(RECIPE, probability=0), np.random.default_rng(0)) is cut_out


def test_what_comes_in_from_outside_is_black_and_background():
    frame, labels = np.full((50, 80, 3), 255, np.uint8), np.full((50, 80), 9, np.uint8)
    warped, mask = warp(frame, labels, replace(STILL, scale=(0.5, 0.5)), np.random.default_rng(0))
    assert set(np.unique(mask)) == {0, 9}
    assert not warped[~cv2.dilate(mask, np.ones((3, 3))).astype(bool)].any()


def test_the_generator_alone_decides():
    frame, labels = marked()
    ranges = replace(RECIPE, probability=1)
    first = warp(frame, labels, ranges, np.random.default_rng(4))
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    warp(frame, labels, ranges, np.random.default_rng(5))
    second = warp(frame, labels, ranges, np.random.default_rng(4))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("shape", [(32, 32), (3, 3), (1, 40), (480, 30), (600, 4)])
def test_any_shape_stays(shape):
    frame, labels = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
    warped, mask = warp(frame, labels, replace(RECIPE, probability=1), np.random.default_rng(0))
    assert (warped.shape, warped.dtype, mask.shape, mask.dtype) == (frame.shape, np.uint8, shape, np.uint8)


def test_imgaug_is_imported_by_this_module_alone():
    importing = [
        file.name for file in PACKAGE.rglob("*.py") if any(name.startswith("imgaug") for name in imports(file))
    ]
    assert importing == ["affine_warps.py"]


def test_the_import_is_quiet_and_leaves_numpy_as_it_was():
    check = (
        "import sys, numpy as np; had = hasattr(np, 'sctypes')\n"
        "import visorvos, visorvos.cli.app; assert 'imgaug' not in sys.modules\n"
        "from visorvos.core.datasets import affine_warps; assert 'imgaug' in sys.modules\n"
        "assert hasattr(np, 'sctypes') == had\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
