"""Frames with their objects drawn in and named, many on one sheet."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from visorvos.core.labels import object_ids
from visorvos.core.report.overlay import Style, draw_overlay, write_on_objects

__all__ = ["Tile", "contact_sheet", "draw_tile"]

_INK, _PAPER, _FAINT = (24, 24, 24), (250, 250, 250), (110, 110, 110)


@dataclass(frozen=True)
class Tile:
    """One frame of a sheet."""

    frame: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """(H, W), 0 the background."""
    style: Style
    """Colors, opacity and outlines; ids are written on objects in place of its names."""
    names: Mapping[int, str]
    """Object names by id."""
    caption: str


def contact_sheet(tiles: Sequence[Tile], columns: int, width: int) -> NDArray[np.uint8]:
    """All tiles on one sheet, row by row, as uint8 (H, W, 3) RGB.

    Args:
        tiles: at least one.
        columns: tiles side by side.
        width: of one tile, in pixels.
    """
    drawn = [draw_tile(tile, width) for tile in tiles]
    gap = max(4, width // 60)
    columns = min(columns, len(drawn))
    rows = [drawn[start : start + columns] for start in range(0, len(drawn), columns)]
    heights = [max(tile.shape[0] for tile in row) for row in rows]
    sheet = np.full((sum(heights) + gap * (len(rows) + 1), columns * (width + gap) + gap, 3), _PAPER, np.uint8)
    top = gap
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            left = gap + column * (width + gap)
            sheet[top : top + tile.shape[0], left : left + width] = tile
        top += height + gap
    return sheet


def draw_tile(tile: Tile, width: int) -> NDArray[np.uint8]:
    """A frame with its objects tinted, each one's id upon it, and below the caption and the objects by name.

    Args:
        tile: the frame and what is in it.
        width: of the result, in pixels.

    Returns:
        uint8 (H, width, 3) RGB.
    """
    height = round(tile.frame.shape[0] * width / tile.frame.shape[1])
    interpolation = cv2.INTER_AREA if width < tile.frame.shape[1] else cv2.INTER_LINEAR
    frame = np.asarray(cv2.resize(tile.frame, (width, height), interpolation=interpolation), dtype=np.uint8)
    labels = np.asarray(cv2.resize(tile.labels, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)
    size = max(11, width // 34)
    drawn = draw_overlay(frame, labels, replace(tile.style, names={}))
    picture = Image.fromarray(write_on_objects(drawn, labels, {index: str(index) for index in range(1, 256)}, size))
    font = ImageFont.load_default(size)
    # Objects that vanish in the small picture are named all the same.
    legend = _Legend(tile, object_ids(tile.labels), width, font, size)
    whole = Image.new("RGB", (width, height + legend.height), _PAPER)
    whole.paste(picture, (0, 0))
    legend.draw(ImageDraw.Draw(whole), height)
    return np.asarray(whole, dtype=np.uint8)


class _Legend:
    """The caption and the objects by color, id and name, broken into lines of a tile's width."""

    def __init__(self, tile: Tile, ids: Sequence[int], width: int, font: Any, size: int) -> None:  # noqa: ANN401
        self.tile, self.font, self.size = tile, font, size
        self.line = size + size // 2
        self.caption = _shortened(tile.caption, width, font)
        self.places: list[tuple[int, int, int, str]] = []
        x = row = 0
        for index in ids:
            text = _shortened(f"{index} {tile.names.get(index, '')}".rstrip(), width - 2 * size, font)
            needed = size + size // 3 + round(font.getlength(text)) + size
            if x and x + needed - size > width:
                x, row = 0, row + 1
            self.places.append((x, row, index, text))
            x += needed
        self.height = self.line * (row + 2) + size // 3

    def draw(self, canvas: ImageDraw.ImageDraw, top: int) -> None:
        canvas.text((0, top + self.size // 3), self.caption, fill=_FAINT, font=self.font)
        for x, row, index, text in self.places:
            y = top + self.line * (row + 1) + self.size // 3
            color = tuple(self.tile.style.palette[3 * index : 3 * index + 3])
            canvas.rectangle((x, y + 1, x + self.size - 1, y + self.size), fill=color, outline=_INK)
            canvas.text((x + self.size + self.size // 3, y), text, fill=_INK, font=self.font)


def _shortened(text: str, width: int, font: Any) -> str:  # noqa: ANN401
    if font.getlength(text) <= width:
        return text
    fitting = bisect_right(range(len(text)), width, key=lambda length: font.getlength(text[:length] + "..."))
    return text[: max(fitting - 1, 0)] + "..."
