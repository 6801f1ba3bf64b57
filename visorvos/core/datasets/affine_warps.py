"""Random affine warps of the recipe, as matrices about the image's center."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]
Step = dict[str, Any]
"""Keyword arguments of ``imgaug.augmenters.Affine``, which defines what a step does."""


def draw_steps(
    random: np.random.Generator,
    *,
    rotation: float,
    shear: float,
    scale: tuple[float, float],
    translation: int = 0,
    probability: float = 1,
) -> list[Step]:
    """Draws the steps of one warp, uniformly and in random order.

    Args:
        random: source of all random numbers.
        rotation: maximum angle in degrees, either way.
        shear: maximum angle in degrees, either way; one angle shears both axes, as imgaug reads the recipe's range.
        scale: minimum and maximum factor, drawn for each axis.
        translation: maximum shift in pixels, either way, drawn for each axis.
        probability: of each of the four steps.
    """
    angle = random.uniform(-shear, shear)
    shift = random.integers(-translation, translation, 2, endpoint=True).tolist()
    factors = random.uniform(*scale, 2).tolist()
    steps: list[Step] = [
        {"rotate": random.uniform(-rotation, rotation)},
        {"shear": {"x": angle, "y": angle}},
        {"translate_px": {"x": shift[0], "y": shift[1]}},
        {"scale": {"x": factors[0], "y": factors[1]}},
    ]
    is_drawn = random.random(len(steps)) < probability
    return [steps[number] for number in random.permutation(len(steps)) if is_drawn[number]]


def matrix_of(step: Step, height: int, width: int) -> Matrix:
    """The matrix (3, 3) of a step, which maps x, y of an image of that size to x, y in the result."""
    matrix = np.eye(3)
    ((name, value),) = step.items()
    if name == "rotate":
        sine, cosine = math.sin(math.radians(value)), math.cos(math.radians(value))
        matrix[:2, :2] = (cosine, -sine), (sine, cosine)
    elif name == "shear":
        x, y = (math.tan(math.radians(value[axis])) for axis in "xy")
        matrix[:2, :2] = (1 - x * y, -x), (y, 1)
    elif name == "scale":
        matrix[:2, :2] = (value["x"], 0), (0, value["y"])
    elif name == "translate_px":
        matrix[:2, 2] = value["x"], value["y"]
    center = np.array(((width - 1) / 2, (height - 1) / 2))
    matrix[:2, 2] += center - matrix[:2, :2] @ center
    return matrix


def compose(matrices: Sequence[Matrix]) -> list[Matrix]:
    """What remains to be done before each of several warps, and after the last one.

    Returns:
        One matrix more than given: the whole composition first, the identity last.
    """
    return list(accumulate(reversed(matrices), np.matmul, initial=np.eye(3)))[::-1]


def view(image: Image, remaining: Sequence[Matrix], size: tuple[int, int], interpolation: int) -> Image:
    """Resamples an image once, as if one warp after another had been applied on a canvas of the image's size.

    What leaves the canvas in any of the warps does not come back in a later one: it is 0, as in a chain of warps.

    Args:
        image: uint8 (H, W) or (H, W, C).
        remaining: as from `compose`, each multiplied by the matrix from the canvas to the result.
        size: width and height of the result.
        interpolation: of OpenCV. Pixels at the border are resampled as if the border continued.
    """
    seen = cv2.warpAffine(image, remaining[0][:2], size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE)
    height, width = image.shape[:2]
    corners = np.array([(x, y, 1) for x, y in ((0, 0), (width, 0), (width, height), (0, height))]) - (0.5, 0.5, 0)
    for matrix in remaining[:-1]:
        inside = np.zeros(size[::-1], np.uint8)
        outline = np.rint(16 * (corners @ matrix[:2].T)).astype(np.int32)
        cv2.fillConvexPoly(inside, outline, (255,), shift=4)
        seen = cv2.copyTo(seen, inside)
    return np.asarray(seen, np.uint8)
