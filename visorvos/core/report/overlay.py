"""Masks drawn over frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["draw_overlay"]


def draw_overlay(
    frame: NDArray[np.uint8], labels: NDArray[np.uint8], palette: bytes, alpha: float = 0.5
) -> NDArray[np.uint8]:
    """A frame with each object tinted in its colour and outlined.

    Args:
        frame: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), 0 the background, which stays as it is.
        palette: 256 RGB triples.
        alpha: weight of the colour inside an object, 0 to 1.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    colours = np.frombuffer(palette, np.uint8).reshape(256, 3)[labels]
    tinted = cv2.addWeighted(frame, 1 - alpha, colours, alpha, 0)
    drawn = np.where(labels[..., None] > 0, tinted, frame)
    # An outline as wide as a 240th of the short side: two pixels at 480p, still seen at 4K.
    width = max(1, round(min(labels.shape) / 240))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    edge = (labels > 0) & (cv2.erode(labels, kernel) != cv2.dilate(labels, kernel))
    bright = cv2.addWeighted(colours, 0.5, np.full_like(colours, 255), 0.5, 0)
    return np.where(edge[..., None], bright, drawn).astype(np.uint8)
