"""Random affine warps of a frame and its labels, by imgaug."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["AffineRanges", "warp", "warp_cut_out"]

_NEAREST, _BILINEAR = 0, 1


def _import_augmenters() -> Any:  # noqa: ANN401
    """imgaug's augmenters. Version 0.4.0 reads ``np.sctypes`` as it is imported: NumPy 2 is lent one for that time."""
    lent: dict[str, list[Any]] = {
        "int": [np.int8, np.int16, np.int32, np.int64],
        "uint": [np.uint8, np.uint16, np.uint32, np.uint64],
        "float": [np.float16, np.float32, np.float64, np.longdouble],
    }
    is_lacking = not hasattr(np, "sctypes")
    if is_lacking:
        setattr(np, "sctypes", lent)  # noqa: B010
    try:
        import imgaug.augmenters
    finally:
        if is_lacking:
            delattr(np, "sctypes")
    return imgaug.augmenters


_iaa = _import_augmenters()


@dataclass(frozen=True)
class AffineRanges:
    """What warps are drawn from, uniformly."""

    rotation: float
    """Degrees, up to which to either side."""
    shear: float
    """Degrees, up to which to either side. One angle shears both axes: so imgaug reads the recipe's range."""
    translation: int
    """Pixels, up to which to either side, on each axis apart."""
    scale: tuple[float, float]
    """The least and the greatest factor, on each axis apart."""
    probability: float
    """Of each of the four on its own."""


def warp(
    frame: NDArray[np.uint8], labels: NDArray[np.uint8], ranges: AffineRanges, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rotates, shears, shifts and scales a frame and its labels alike, about the center, in random order.

    As in the recipe, each step resamples what the one before it gave; what comes in from outside is black.

    Args:
        frame: (H, W, 3), resampled bilinearly.
        labels: (H, W), of ids or of any other values that must not mix: the nearest pixel's.
        ranges: what to draw from.
        random: where all random numbers come from.

    Returns:
        Frame and labels of the same sizes; those given where nothing was drawn.
    """
    for step in _draw(ranges, random):
        frame, labels = _applied(step, _BILINEAR, frame), _applied(step, _NEAREST, labels)
    return frame, labels


def warp_cut_out(cut_out: NDArray[np.uint8], ranges: AffineRanges, random: np.random.Generator) -> NDArray[np.uint8]:
    """Warps colors and mask alike, about the center, resampled once.

    Args:
        cut_out: (H, W, 4): colors, and a mask of 0 to 255. All are resampled bilinearly.
        ranges: what to draw from. Where several are drawn, imgaug has its own order for them.
        random: where all random numbers come from.

    Returns:
        A cut-out of the same size; what comes in from outside is 0.
    """
    drawn = {name: value for step in _draw(ranges, random) for name, value in step.items()}
    # Without any value imgaug would draw some of its own.
    return _applied(drawn, _BILINEAR, cut_out) if drawn else cut_out


def _draw(ranges: AffineRanges, random: np.random.Generator) -> list[dict[str, Any]]:
    """The steps of one warp, each as arguments of imgaug's Affine."""
    shear = random.uniform(-ranges.shear, ranges.shear)
    shift = random.integers(-ranges.translation, ranges.translation, 2, endpoint=True).tolist()
    scale = random.uniform(*ranges.scale, 2).tolist()
    steps: list[dict[str, Any]] = [
        {"rotate": random.uniform(-ranges.rotation, ranges.rotation)},
        {"shear": {"x": shear, "y": shear}},
        {"translate_px": {"x": shift[0], "y": shift[1]}},
        {"scale": {"x": scale[0], "y": scale[1]}},
    ]
    is_drawn = random.random(len(steps)) < ranges.probability
    return [steps[number] for number in random.permutation(len(steps)) if is_drawn[number]]


def _applied(step: dict[str, Any], order: int, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # The values are drawn already: imgaug's own random state has no say.
    warped: NDArray[np.uint8] = _iaa.Affine(**step, order=order, cval=0, backend="cv2")(image=image)
    return warped
