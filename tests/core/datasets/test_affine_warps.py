import subprocess
import sys

import cv2
import numpy as np
import pytest

from tests.test_architecture import PACKAGE, imports
from visorvos.core.datasets.affine_warps import compose, draw_steps, matrix_of, view
from visorvos.core.datasets.coco.cut_out_warp import augmenters

RECIPE = {"rotation": 30, "shear": 15, "translation": 15, "scale": (0.8, 1.2), "probability": 0.5}
STILL = {"rotation": 0, "shear": 0, "translation": 0, "scale": (1, 1), "probability": 1}
HEIGHT, WIDTH = 120, 161
STEPS = [
    {"rotate": -27.5},
    {"shear": {"x": 14.0, "y": 14.0}},
    {"translate_px": {"x": -11, "y": 7}},
    {"scale": {"x": 1.15, "y": 0.82}},
]


def blurred_spot(x, y, height=HEIGHT, width=WIDTH):
    """A spot of which the center of mass survives resampling."""
    ys, xs = np.mgrid[:height, :width]
    return (255 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * 3.0**2))).astype(np.uint8)


def center(image):
    ys, xs = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.array([(xs * image).sum(), (ys * image).sum()]) / image.sum(dtype=np.float64)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: next(iter(step)))
@pytest.mark.parametrize("spot", [(60, 50), (95, 70), (80, 60)])
def test_a_step_is_what_imgaug_does(step, spot):
    image = blurred_spot(*spot)
    expected = center(augmenters.Affine(**step, order=1, cval=0, backend="cv2")(image=image))
    np.testing.assert_allclose((matrix_of(step, HEIGHT, WIDTH) @ (*spot, 1))[:2], expected, atol=0.05)


def uniform(values, lowest, highest):
    """Whether values keep to a range and fill it evenly."""
    shares = (np.array(values) - lowest) / (highest - lowest)
    return 0 <= shares.min() < 0.05 and 0.95 < shares.max() <= 1 and 0.45 < shares.mean() < 0.55


def drawn(name, value, **ranges):
    random = np.random.default_rng(0)
    steps = (draw_steps(random, **STILL | ranges) for _ in range(600))
    return [value(step[name]) for one in steps for step in one if name in step]


def test_steps_are_drawn_uniformly_from_their_ranges():
    assert uniform(drawn("rotate", float, rotation=30), -30, 30)
    assert uniform(drawn("shear", lambda v: v["x"], shear=15), -15, 15)
    assert all(drawn("shear", lambda v: v["x"] == v["y"], shear=15)), "one angle shears both axes"
    for axis in "xy":
        assert uniform(drawn("scale", lambda v, axis=axis: v[axis], scale=(0.8, 1.2)), 0.8, 1.2)
        shifts = drawn("translate_px", lambda v, axis=axis: v[axis], translation=15)
        assert set(shifts) == set(range(-15, 16))
    for name, ranges in (("scale", {"scale": (0.8, 1.2)}), ("translate_px", {"translation": 15})):
        both = np.array(drawn(name, lambda v: (v["x"], v["y"]), **ranges))
        assert abs(np.corrcoef(both.T)[0, 1]) < 0.2, "each axis has its own"


def test_each_of_the_four_has_the_probability_and_all_orders_come():
    random = np.random.default_rng(0)
    drawn = [tuple(next(iter(step)) for step in draw_steps(random, **RECIPE)) for _ in range(4000)]
    kinds = {"rotate", "shear", "translate_px", "scale"}
    for kind in kinds:
        # Five standard deviations.
        assert abs(sum(kind in steps for steps in drawn) - 2000) < 158
    whole = [steps for steps in drawn if len(steps) == 4]
    assert abs(len(whole) - 250) < 77
    assert all(set(steps) == kinds for steps in whole)
    assert len(set(whole)) == 24


def test_the_generator_alone_decides():
    first = draw_steps(np.random.default_rng(4), **RECIPE)
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    assert draw_steps(np.random.default_rng(4), **RECIPE) == first
    assert draw_steps(np.random.default_rng(5), **RECIPE) != first
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("seed", range(6))
def test_a_composition_shows_what_the_chain_of_single_warps_shows(seed):
    order = np.random.default_rng(seed).permutation(len(STEPS))
    matrices = [matrix_of(STEPS[number], HEIGHT, WIDTH) for number in order]
    white = np.full((HEIGHT, WIDTH), 255, np.uint8)
    spot, visible = blurred_spot(60 + 5 * seed, 45 + 4 * seed), white
    composed = view(spot, compose(matrices), (WIDTH, HEIGHT), cv2.INTER_LINEAR)
    for matrix in matrices:
        spot = cv2.warpAffine(spot, matrix[:2], (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
        visible = cv2.warpAffine(visible, matrix[:2], (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    np.testing.assert_allclose(center(composed), center(spot), atol=0.1)
    # What left the canvas in one warp does not come back in a later one.
    area = view(white, compose(matrices), (WIDTH, HEIGHT), cv2.INTER_NEAREST)
    differs = (area > 127) != (visible > 127)
    assert 0 < (area == 0).mean() < 0.6
    assert not cv2.erode(differs.astype(np.uint8), np.ones((3, 3))).any(), "no difference wider than two pixels"


def test_what_comes_in_from_outside_is_0():
    frame = np.full((50, 80, 3), 255, np.uint8)
    matrices = compose([matrix_of({"scale": {"x": 0.5, "y": 0.5}}, 50, 80)])
    seen = view(frame, matrices, (80, 50), cv2.INTER_LINEAR)
    assert set(np.unique(seen)) == {0, 255}
    assert abs((seen > 0).mean() - 0.25) < 0.03


def test_without_steps_an_image_stays_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (50, 80, 3), dtype=np.uint8)
    assert draw_steps(np.random.default_rng(0), **RECIPE | {"probability": 0}) == []
    np.testing.assert_array_equal(view(image, compose([]), (80, 50), cv2.INTER_LINEAR), image)


def test_imgaug_is_imported_by_one_module_alone():
    importing = [
        file.name for file in PACKAGE.rglob("*.py") if any(name.startswith("imgaug") for name in imports(file))
    ]
    assert importing == ["cut_out_warp.py"]


def test_the_import_is_quiet_and_leaves_numpy_as_it_was():
    check = (
        "import sys, numpy as np; had = hasattr(np, 'sctypes')\n"
        "import visorvos, visorvos.cli.app; assert 'imgaug' not in sys.modules\n"
        "from visorvos.core.datasets.coco import cut_out_warp; assert 'imgaug' in sys.modules\n"
        "assert hasattr(np, 'sctypes') == had\n"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
