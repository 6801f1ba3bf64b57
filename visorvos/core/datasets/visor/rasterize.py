"""Polygons to masks, as VISOR's reference code draws them, and masks to polygons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_objects", "object_polygons", "shrink_frame", "shrink_mask"]

Polygons = Sequence[NDArray[np.int32]]


def draw_objects(objects: Iterable[tuple[int, Polygons]], height: int, width: int) -> NDArray[np.uint8]:
    """A mask of objects, later ones over earlier ones.

    The polygons of one object are drawn at once, so that a polygon inside another makes a hole.

    Args:
        objects: id (1..255) and polygons of each, int32 (P, 2) of x, y. A polygon without points counts as the
            single point (0, 0), as in the reference.
        height, width: of the mask.

    Returns:
        uint8 (height, width), 0 the background.
    """
    labels = np.zeros((height, width), np.uint8)
    origin = np.zeros((1, 2), np.int32)
    for index, polygons in objects:
        if polygons:
            cv2.fillPoly(labels, [polygon if len(polygon) else origin for polygon in polygons], (index,))
    return labels


def object_polygons(labels: NDArray[np.uint8], index: int) -> list[NDArray[np.int32]]:
    """The outlines of one object: the outer ones and those of its holes, as `draw_objects` takes them.

    Drawing them again with `draw_objects` gives the very same pixels, whatever the object's shape: outlines run
    through the object's own pixels in steps to one of the eight neighbors, borders are drawn with the inside,
    and those of holes bound what is left out.

    Args:
        labels: uint8 (H, W).
        index: the object's id.

    Returns:
        A list of int32 (P, 2) of x, y; empty where the object is not there.
    """
    contours, _ = cv2.findContours((labels == index).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, dtype=np.int32).reshape(-1, 2) for contour in contours]


def shrink_mask(labels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A mask at another size: uint8 (height, width), by OpenCV's nearest neighbor."""
    return np.asarray(cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def shrink_frame(frame: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A frame at another size: uint8 (height, width, 3), bilinear, without smoothing before."""
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
