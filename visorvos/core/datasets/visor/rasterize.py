"""Polygons to masks as the reference draws them, and masks to polygons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Polygons = Sequence[NDArray[np.int32]]


def draw_objects(objects: Iterable[tuple[int, Polygons]], height: int, width: int) -> NDArray[np.uint8]:
    """Draws a mask; later objects cover earlier ones.

    All polygons of an object are drawn at once, so that a polygon inside another makes a hole.

    Args:
        objects: id (1..255) and polygons of each object, int32 (P, 2) of x, y. A polygon without points counts as the
            single point (0, 0), as in the reference.
        height, width: size of the mask.

    Returns:
        uint8 (height, width), 0 is the background.
    """
    labels = np.zeros((height, width), np.uint8)
    origin = np.zeros((1, 2), np.int32)
    for object_id, polygons in objects:
        if polygons:
            cv2.fillPoly(labels, [polygon if len(polygon) else origin for polygon in polygons], (object_id,))
    return labels


def object_polygons(labels: NDArray[np.uint8], object_id: int) -> list[NDArray[np.int32]]:
    """The outlines of one object and of its holes.

    `draw_objects` draws the same pixels from them, whatever the object's shape: contours run through the object's own
    pixels, and the border of a filled polygon is drawn as well.

    Args:
        labels: uint8 (H, W).
        object_id: the object.

    Returns:
        A list of int32 (P, 2) of x, y; empty if the mask does not show the object.
    """
    contours, _ = cv2.findContours((labels == object_id).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return [np.asarray(contour, dtype=np.int32).reshape(-1, 2) for contour in contours]
