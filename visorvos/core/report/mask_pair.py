"""An object's ground-truth mask beside its predicted one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.scores import ObjectScores
from visorvos.core.report.overlay import Style, draw_overlay

__all__ = ["PREDICTED_COLOR", "TRUE_COLOR", "MaskPair", "crop_window", "draw_mask"]

TRUE_COLOR, PREDICTED_COLOR = (0, 150, 255), (255, 128, 0)

_MIN_SHARE = 0.12
"""Smallest side of the part that is shown, relative to the frame: tiny masks stay visible."""
_MARGIN = 2.0
"""Side of the part that is shown, relative to the object's extent."""


@dataclass(frozen=True)
class MaskPair:
    """One object in one frame, as a page shows it.

    Attributes:
        sequence, object_id, name, frame: the object and the frame.
        region, contour, size: J, F and the share of the frame that the ground-truth mask covers, each in [0, 1].
        pictures: data URIs, one of the ground truth and one per prediction; empty where the frame is missing.
    """

    sequence: str
    object_id: int
    name: str | None
    frame: str
    region: float
    contour: float
    size: float
    pictures: tuple[str, ...] = ()

    @classmethod
    def from_scores(cls, item: ObjectScores, number: int) -> MaskPair:
        """The pair of the object's scored frame with that index."""
        region, contour, size = (float(array[number]) for array in (item.region, item.contour, item.sizes))
        return cls(item.sequence, item.object_id, item.name, item.frames[number], region, contour, size)


def crop_window(masks: list[NDArray[np.bool_]]) -> tuple[slice, slice]:
    """Rows and columns around an object, with the frame's aspect ratio, so that small objects are visible.

    Args:
        masks: boolean (H, W), at least one. If all are empty, the window is the whole frame.
    """
    height, width = masks[0].shape
    rows, columns = np.nonzero(np.logical_or.reduce(masks))
    if rows.size == 0:
        return slice(0, height), slice(0, width)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    extents = (_MARGIN * (bottom - top) / height, _MARGIN * (right - left) / width, _MIN_SHARE)
    share = min(1.0, max(extents))
    return _centered((top + bottom) / 2, share, height), _centered((left + right) / 2, share, width)


def draw_mask(
    frame: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    color: tuple[int, int, int],
    window: tuple[slice, slice],
    width: int,
) -> NDArray[np.uint8]:
    """A part of a frame with one mask tinted and outlined.

    Args:
        frame: uint8 (H, W, 3) RGB.
        mask: boolean (H, W).
        color: RGB.
        window: from `crop_window`.
        width: width of the result in pixels.

    Returns:
        uint8 (h, width, 3) RGB.
    """
    part, labels = frame[window], mask[window].astype(np.uint8)
    size = (width, max(1, round(width * labels.shape[0] / labels.shape[1])))
    interpolation = cv2.INTER_AREA if width < labels.shape[1] else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(part, size, interpolation=interpolation), np.uint8)
    small_labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    palette = bytes(3) + bytes(color) + bytes(3 * 254)
    return draw_overlay(small, small_labels, Style(palette, opacity=0.4))


def _centered(middle: float, share: float, length: int) -> slice:
    size = max(1, round(share * length))
    start = min(max(0, round(middle - size / 2)), length - size)
    return slice(start, start + size)
