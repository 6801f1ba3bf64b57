"""A contact sheet: many frames with their objects and a legend on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from visorvos.core.labels import object_ids
from visorvos.core.report.fonts import find_font
from visorvos.core.report.overlay import Style, draw_overlay

_INK, _PAPER, _FAINT = (24, 24, 24), (250, 250, 250), (110, 110, 110)


@dataclass(frozen=True)
class Tile:
    """One frame of a sheet."""

    frame: NDArray[np.uint8]
    """(H, W, 3) RGB."""
    labels: NDArray[np.uint8]
    """(H, W), 0 the background."""
    style: Style
    """How objects are drawn. Their ids are written on them, their names below the picture."""
    caption: str


def contact_sheet(tiles: Sequence[Tile], columns: int, width: int) -> NDArray[np.uint8]:
    """Draws tiles row by row on one sheet, uint8 (H, W, 3) RGB.

    Args:
        tiles: at least one.
        columns: tiles per row.
        width: width of a tile in pixels.
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
    """Draws a frame with its objects tinted and their ids on them, and below it the caption and a legend.

    Args:
        tile: the frame and its objects.
        width: width of the result in pixels.

    Returns:
        uint8 (H, width, 3) RGB.
    """
    ids = {index: str(index) for index in range(1, 256)}
    return np.vstack(
        [draw_overlay(tile.frame, tile.labels, replace(tile.style, names=ids), width), _legend(tile, width)]
    )


def _legend(tile: Tile, width: int) -> NDArray[np.uint8]:
    """The caption, and color, id and name of each object, in lines of a tile's width: uint8 (H, width, 3) RGB."""
    size = max(11, width // 34)
    line, margin = size + size // 2, size // 3
    # From the labels at full size: small objects may vanish in the tile.
    ids = object_ids(tile.labels)
    picture = Image.new("RGB", (width, line * (len(ids) + 2) + margin), _PAPER)
    canvas = ImageDraw.Draw(picture)
    caption = _shortened(tile.caption, width, size)
    canvas.text((0, margin), caption, fill=_FAINT, font=find_font(caption, size))
    x, y = 0, line + margin
    for index in ids:
        text_at = size + margin + round(find_font("", size).getlength(f"{index} "))
        name = _shortened(tile.style.names.get(index, ""), width - text_at, size)
        end = text_at + round(find_font(name, size).getlength(name))
        if x and x + end > width:
            x, y = 0, y + line
        color = tuple(tile.style.palette[3 * index : 3 * index + 3])
        canvas.rectangle((x, y + 1, x + size - 1, y + size), fill=color, outline=_INK)
        canvas.text((x + size + margin, y), str(index), fill=_INK, font=find_font("", size))
        canvas.text((x + text_at, y), name, fill=_INK, font=find_font(name, size))
        x += end + size
    return np.asarray(picture.crop((0, 0, width, y + line)), dtype=np.uint8)


def _shortened(text: str, width: int, size: int) -> str:
    """A text on one line, cut to a width in pixels."""
    text = " ".join(text.split())
    font = find_font(text, size)
    shown = text
    while shown and font.getlength(shown) > width:
        text = text[:-1]
        shown = f"{text}..." if text else ""
    return shown
