"""What drawing should give, pixel by pixel, in the plainest form."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

Point = tuple[int, int]


def line(start: Point, end: Point) -> list[Point]:
    """The pixels of a line (Bresenham)."""
    (x, y), (x1, y1) = start, end
    dx, dy = abs(x1 - x), -abs(y1 - y)
    step_x, step_y = (1 if x < x1 else -1), (1 if y < y1 else -1)
    error, points = dx + dy, [(x, y)]
    while (x, y) != (x1, y1):
        twice = 2 * error
        if twice >= dy:
            error, x = error + dy, x + step_x
        if twice <= dx:
            error, y = error + dx, y + step_y
        points.append((x, y))
    return points


def disc(size: int) -> list[Point]:
    """Offsets of a brush that many pixels across: those within size / 2 of its center."""
    center = 0.5 if size % 2 == 0 else 0.0
    reach = range(-size, size + 1)
    return [(dx, dy) for dx in reach for dy in reach if (dx - center) ** 2 + (dy - center) ** 2 <= (size / 2) ** 2]


def stroke(labels: np.ndarray, points: list[Point], size: int, index: int) -> None:
    """Stamps the brush on every pixel of the way."""
    height, width = labels.shape
    way = [pixel for start, end in pairwise(points) for pixel in line(start, end)] if len(points) > 1 else points
    for x, y in way:
        for dx, dy in disc(size):
            if 0 <= x + dx < width and 0 <= y + dy < height:
                labels[y + dy, x + dx] = index


def polygon(labels: np.ndarray, points: list[Point], index: int) -> None:
    """Fills the pixels whose centers lie inside (even-odd rule), and those of the outline."""
    height, width = labels.shape
    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    for y in range(height):
        for x in range(width):
            # Edges right of the center or through it; those left of it or through it. Odd in either: inside.
            crossed = [ax + (y - ay) * (bx - ax) / (by - ay) for (ax, ay), (bx, by) in edges if (ay <= y) != (by <= y)]
            if sum(at >= x for at in crossed) % 2 or sum(at <= x for at in crossed) % 2:
                labels[y, x] = index
    for start, end in edges:
        for x, y in line(start, end):
            if 0 <= x < width and 0 <= y < height:
                labels[y, x] = index


def region(labels: np.ndarray, start: Point, index: int) -> None:
    """Fills the pixels of one id that are connected with a pixel."""
    height, width = labels.shape
    old, waiting = labels[start[1], start[0]], [start]
    if old == index:
        return
    while waiting:
        x, y = waiting.pop()
        if 0 <= x < width and 0 <= y < height and labels[y, x] == old:
            labels[y, x] = index
            waiting += [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
