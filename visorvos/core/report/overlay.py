"""Frames with their objects tinted, outlined and named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from visorvos.core.labels import object_ids
from visorvos.core.report.fonts import find_font

_INK = (24, 24, 24)


@dataclass(frozen=True)
class Style:
    """How objects are drawn over a frame.

    Attributes:
        palette: 256 RGB triples.
        opacity: weight of the color inside an object, 0 to 1.
        outline: whether to outline objects.
        names: text to write on visible objects, by id.
    """

    palette: bytes
    opacity: float = 0.5
    outline: bool = True
    names: Mapping[int, str] = field(default_factory=dict)


def draw_overlay(
    frame: NDArray[np.uint8], labels: NDArray[np.uint8], style: Style, width: int | None = None
) -> NDArray[np.uint8]:
    """Draws the objects of a frame.

    Args:
        frame: uint8 (H, W, 3) RGB.
        labels: uint8 (H, W), 0 is the background, which is left unchanged.
        style: colors, opacity, outlines and names.
        width: width of the result in pixels; None: that of the frame.

    Returns:
        uint8 (h, width, 3) RGB, with the frame's aspect ratio.
    """
    if width is not None:
        size = (width, max(1, round(width * frame.shape[0] / frame.shape[1])))
        interpolation = cv2.INTER_AREA if width < frame.shape[1] else cv2.INTER_LINEAR
        frame = np.asarray(cv2.resize(frame, size, interpolation=interpolation), np.uint8)
        labels = np.asarray(cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    colors = np.frombuffer(style.palette, np.uint8).reshape(256, 3)[labels]
    tinted = cv2.addWeighted(frame, 1 - style.opacity, colors, style.opacity, 0)
    drawn = np.where(labels[..., None] > 0, tinted, frame).astype(np.uint8)
    if style.outline:
        # 1/240 of the short side: two pixels at 480p, still visible at 4K.
        reach = max(1, round(min(labels.shape) / 240))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        edge = (labels > 0) & (cv2.erode(labels, kernel) != cv2.dilate(labels, kernel))
        bright = cv2.addWeighted(colors, 0.5, np.full_like(colors, 255), 0.5, 0)
        drawn = np.where(edge[..., None], bright, drawn).astype(np.uint8)
    return _write_names(drawn, labels, style.names)


def _write_names(picture: NDArray[np.uint8], labels: NDArray[np.uint8], names: Mapping[int, str]) -> NDArray[np.uint8]:
    """Writes a text at the point of each object that is farthest from its border."""
    seen = [index for index in object_ids(labels) if names.get(index)]
    if not seen:
        return picture
    image = Image.fromarray(picture)
    canvas = ImageDraw.Draw(image)
    size = max(12, round(min(labels.shape) / 24))
    stroke = max(1, size // 7)
    for index in seen:
        text = " ".join(names[index].split())
        font = find_font(text, size)
        half = font.getlength(text) / 2 + stroke
        depth = cv2.distanceTransform(np.pad((labels == index).astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
        y, x = divmod(int(depth.argmax()), depth.shape[1])
        # Keep the text inside the picture.
        x = round(min(max(x, half), max(half, picture.shape[1] - half)))
        y = min(max(y, size // 2 + stroke), picture.shape[0] - size // 2 - stroke)
        canvas.text((x, y), text, fill="white", font=font, anchor="mm", stroke_width=stroke, stroke_fill=_INK)
    return np.asarray(image, dtype=np.uint8)
