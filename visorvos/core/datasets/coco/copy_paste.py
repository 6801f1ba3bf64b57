"""Copy-paste: objects cut out of one image and pasted on others."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def draw_patch(polygons: Sequence[NDArray[np.int32]], height: int, width: int) -> tuple[Image, int, int]:
    """Draws an object's mask, cropped to its box.

    All polygons are drawn at once, as in `rasterize.draw_objects`.

    Args:
        polygons: int32 (P, 2) of x, y each; at least one, of at least one point.
        height, width: size of the image; what lies outside is cut off.

    Returns:
        The mask (0 or 1, perhaps of size 0), and its top and left in the image.
    """
    points = np.concatenate(polygons)
    left, top = np.maximum(points.min(0), 0).tolist()
    right, bottom = np.minimum(points.max(0) + 1, (width, height)).tolist()
    mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
    if mask.size:
        cv2.fillPoly(mask, polygons, (1,), offset=(-left, -top))
    return mask, top, left


def mark(labels: Image, patch: tuple[Image, int, int], object_id: int) -> None:
    """Writes an object's id into labels (H, W), over what is there."""
    mask, top, left = patch
    labels[top : top + mask.shape[0], left : left + mask.shape[1]][mask > 0] = object_id


def cut_out(frame: Image, patch: tuple[Image, int, int]) -> Image:
    """Cuts out an object in the center of a square that contains it at any rotation.

    Args:
        frame: (H, W, 3).
        patch: the object's mask, of one pixel or more, and its top and left in the frame.

    Returns:
        (S, S, 4): colors, the frame's border repeated outside of it, and the mask as 0 or 255.
    """
    mask, top, left = patch
    height, width = mask.shape
    side = int(np.ceil(np.hypot(height, width)))
    before_y, before_x = (side - height) // 2, (side - width) // 2
    # Whole pixels, repeated at the border.
    center = left - before_x + (side - 1) / 2, top - before_y + (side - 1) / 2
    alpha = np.zeros((side, side), np.uint8)
    alpha[before_y : before_y + height, before_x : before_x + width] = 255 * mask
    return np.asarray(cv2.merge((cv2.getRectSubPix(frame, (side, side), center), alpha)), np.uint8)


def paste(frame: Image, labels: Image, square: Image, object_id: int, center: tuple[int, int]) -> None:
    """Pastes a cut-out on a frame and its labels, over what is there.

    Args:
        frame: (H, W, 3), changed.
        labels: (H, W), changed.
        square: (S, S, 4) as from `cut_out`; pixels where the mask is at least 128 are pasted.
        object_id: written into the labels.
        center: x, y of the square's center in the frame.
    """
    height, width = labels.shape
    side = len(square)
    left, top = center[0] - side // 2, center[1] - side // 2
    y, x = slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))
    shown = square[y.start - top : y.stop - top, x.start - left : x.stop - left]
    mask = (shown[..., 3] >= 128).astype(np.uint8)
    cv2.copyTo(np.ascontiguousarray(shown[..., :3]), mask, frame[y, x])
    labels[y, x][mask > 0] = object_id
