"""Synthetic videos: textured objects that move, turn, overlap, leave and return over a moving background."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Image = NDArray[np.float32]

_POINTS = 96
"""Number of points of an outline."""
_TILE = 160
"""Side of the texture of an object in pixels."""
_FINE = 4
"""Factor of supersampling at edges."""
_STAYS = 0.75
"""Probability that an object never leaves the frame."""
_LONG = 6
"""Minimum number of frames in which an object can leave and return."""


@dataclass(frozen=True)
class SyntheticVideo:
    """Frames and the objects in them."""

    frames: NDArray[np.uint8]
    """(T, H, W, 3) RGB."""
    names: tuple[str, ...]
    """Names of the N objects, all different, in drawing order: later objects hide earlier ones."""
    outlines: Floats
    """(T, N, P, 2): x and y of each object's whole outline in pixels, including hidden parts and those outside the
    frame. Integers are pixel centers."""

    def labels(self) -> NDArray[np.uint8]:
        """Ground truth, uint8 (T, H, W): 0 is the background, 1..N are the objects in the order of `names`."""
        masks = np.zeros(self.frames.shape[:3], np.uint8)
        for mask, objects in zip(masks, self.outlines, strict=True):
            for object_id, outline in enumerate(objects, start=1):
                cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], (object_id,))
        return masks


def make_video(frames: int, height: int, width: int, seed: int | Sequence[int], objects: int = 2) -> SyntheticVideo:
    """Makes a video of objects that move over a background that drifts, turns and zooms in.

    Args:
        frames: number of frames. With six or more, about one object in four leaves the frame and returns.
        height, width: size of a frame in pixels.
        seed: determines the video.
        objects: number of objects, 1 to 8, of different colors and shapes. The first frame shows all of them.
    """
    random = np.random.default_rng(seed)
    background = _Background(random, height, width)
    colors, shapes = random.permutation(list(_COLORS)), random.permutation(list(_SHAPES))
    kinds = list(zip(colors, shapes, strict=False))[:objects]
    things = [_Thing(random, str(color), str(shape)) for color, shape in kinds]
    paths = _paths(random, [thing.radius for thing in things], frames, width / height)
    images, outlines = [], []
    for time in range(frames):
        image = background.at(time / max(frames - 1, 1))
        turned = [thing.matrix(path[time], time, height) for thing, path in zip(things, paths, strict=True)]
        outline = [thing.outline @ matrix[:, :2].T + matrix[:, 2] for thing, matrix in zip(things, turned, strict=True)]
        for thing, matrix, points in zip(things, turned, outline, strict=True):
            _draw(image, thing, matrix, points)
        images.append(np.rint(image).clip(0, 255).astype(np.uint8))
        outlines.append(outline)
    return SyntheticVideo(np.stack(images), tuple(thing.name for thing in things), np.array(outlines))


class _Thing:
    """An object: outline, texture, size and rotation."""

    def __init__(self, random: np.random.Generator, color: str, shape: str) -> None:
        self.name = f"{color} {shape}"
        self.radius = random.uniform(0.27, 0.38)
        """Relative to the height of the frame."""
        angle = np.arange(_POINTS) * 2 * math.pi / _POINTS
        radius = _SHAPES[shape](angle)
        self.outline: Floats = np.stack((np.cos(angle), np.sin(angle)), axis=1) * radius[:, None]
        """(P, 2), inside the unit circle."""
        self.tile = object_texture(random, _COLORS[color], self.outline)
        self._start = random.uniform(0, 2 * math.pi)
        self._turn = random.choice([-1, 1]) * random.uniform(0.08, 0.3)
        self._breath, self._phase = random.uniform(0.05, 0.15), random.uniform(0, 2 * math.pi)
        self._aspect = random.uniform(0.75, 1)

    def matrix(self, center: Floats, time: int, height: int) -> Floats:
        """Affine transform (2, 3) from the unit circle to pixels of the frame."""
        size = self.radius * height * (1 + self._breath * math.sin(self._phase + 0.5 * time))
        angle = self._start + self._turn * time
        cos, sin = math.cos(angle) * size, math.sin(angle) * size
        turn = np.array([[cos, -sin * self._aspect], [sin, cos * self._aspect]])
        return np.column_stack((turn, center * height - 0.5))


def _paths(random: np.random.Generator, radii: list[float], frames: int, aspect: float) -> Floats:
    """Centers of the objects (N, T, 2) relative to the height of the frame, well apart in the first frame."""
    time = np.arange(frames)
    paths: list[Floats] = []
    for radius in radii:
        best, best_gap = None, -math.inf
        for _ in range(30):
            speed, phase = random.uniform(0.15, 0.42, 2), random.uniform(0, 2 * math.pi, 2)
            swing = np.array([0.36 * aspect, 0.3])
            path = np.array([aspect, 1]) / 2 + swing * np.sin(phase + speed * time[:, None])
            gaps = [math.dist(path[0], other[0]) - radius - radii[place] for place, other in enumerate(paths)]
            gap = min(gaps, default=0.0)
            if gap > best_gap:
                best, best_gap = path, gap
            if gap >= 0:
                break
        assert best is not None
        if frames >= _LONG and random.uniform() > _STAYS:
            middle = random.uniform(0.45, 0.6) * frames
            away = 1.1 * aspect * np.exp(-(((time - middle) / 1.2) ** 2))
            best[:, 0] += random.choice([-1, 1]) * away
        paths.append(best)
    return np.array(paths)


def _draw(image: Image, thing: _Thing, matrix: Floats, outline: Floats) -> None:
    """Draws an object and its shadow into a frame."""
    height, width = image.shape[:2]
    drop = 0.02 * height
    low = np.maximum(np.floor(outline.min(axis=0) - 2 * drop), 0).astype(int)
    high = np.minimum(np.ceil(outline.max(axis=0) + 4 * drop) + 1, (width, height)).astype(int)
    if np.any(high <= low):
        return
    part = image[low[1] : high[1], low[0] : high[0]]
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    shadow = cv2.GaussianBlur(_cover(outline - low + drop, size), (0, 0), drop, borderType=cv2.BORDER_REPLICATE)
    part *= 1 - 0.45 * shadow[..., None]
    to_tile = matrix.copy()
    to_tile[:, 2] -= low
    half = (_TILE - 1) / 2
    to_tile[:, :2] /= half
    to_tile[:, 2] -= to_tile[:, :2].sum(axis=1) * half
    color = cv2.warpAffine(thing.tile, to_tile, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = _cover(outline - low, size)[..., None]
    part += cover * (color - part)


def _cover(outline: Floats, size: tuple[int, int]) -> Image:
    """The fraction of each pixel, 0 to 1, inside an outline."""
    fine = np.zeros((size[1] * _FINE, size[0] * _FINE), np.uint8)
    points = np.rint((outline + 0.5) * _FINE - 0.5).astype(np.int32)
    cv2.fillPoly(fine, [points], 255)
    return np.asarray(cv2.resize(fine, size, interpolation=cv2.INTER_AREA) / 255, np.float32)


# Outlines are functions from angle to radius.
def _polygon(sides: int) -> Callable[[Floats], Floats]:
    step = 2 * math.pi / sides
    return lambda angle: np.asarray((math.cos(step / 2) / np.cos(angle % step - step / 2)) ** 0.85)


def _waves(count: int, depth: float) -> Callable[[Floats], Floats]:
    return lambda angle: np.asarray(1 - depth + depth * np.cos(count * angle))


_SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "disc": np.ones_like,
    "triangle": _polygon(3),
    "square": _polygon(4),
    "hexagon": _polygon(6),
    "flower": _waves(6, 0.14),
    "clover": _waves(3, 0.22),
    "bean": _waves(2, 0.2),
    "star": lambda angle: np.asarray(0.6 + 0.4 * np.abs(angle * 5 / math.pi % 2 - 1)),
    "gear": lambda angle: np.asarray(0.9 + 0.1 * np.tanh(4 * np.cos(8 * angle))),
    "egg": lambda angle: np.asarray(0.66 + 0.34 * np.cos(angle / 2) ** 8),
    "heart": lambda angle: np.asarray(0.72 - 0.28 * np.sin(angle) * (1 - 1.1 * np.abs(np.cos(angle)))),
}

_COLORS = {"red": 0.0, "orange": 0.075, "yellow": 0.14, "green": 0.35, "teal": 0.48, "blue": 0.6, "purple": 0.74}
_COLORS["pink"] = 0.9
"""Hues, 0 to 1."""

_PATTERNS: list[Callable[[Floats, Floats, Floats], Floats]] = [
    lambda x, y, noise: np.sin(9 * x + noise),
    lambda x, y, noise: np.sin(8 * x) * np.sin(8 * y),
    lambda x, y, noise: np.sin(12 * np.hypot(x, y) + 0.3 * noise),
    lambda x, y, noise: np.sin(6 * np.arctan2(y, x)),
    lambda x, y, noise: np.sin(6 * x + 2.5 * noise),
    lambda x, y, noise: np.cos(9 * x) + np.cos(9 * y) - 0.8,
]


def object_texture(random: np.random.Generator, hue: float, outline: Floats) -> Image:
    """(_TILE, _TILE, 3) RGB, 0 to 255: a pattern of two colors, lit from one side and darker at the edge."""
    axis = np.linspace(-1, 1, _TILE)
    turn = random.uniform(0, 2 * math.pi)
    x, y = np.meshgrid(axis, axis)
    u, v = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    pattern = _PATTERNS[random.integers(len(_PATTERNS))](u, v, _noise(random, _TILE, _TILE, 4) * 4 - 2)
    mix = (0.5 + 0.5 * np.tanh(5 * pattern))[..., None]
    first = _rgb(hue, random.uniform(0.75, 0.95), random.uniform(0.75, 0.95))
    second = _rgb(hue + random.uniform(-0.06, 0.06), *random.choice([(0.25, 0.98), (0.9, 0.45), (0.5, 0.9)]))
    color = first + mix * (second - first)
    color *= (1 - 0.16 * (x + y))[..., None]
    points = np.rint((outline + 1) * (_TILE - 1) / 2).astype(np.int32)
    rim = np.zeros((_TILE, _TILE), np.uint8)
    cv2.polylines(rim, [points], True, 255, _TILE // 20, cv2.LINE_AA)
    color *= 1 - 0.45 * cv2.GaussianBlur(rim, (0, 0), 1.5)[..., None] / 255
    return np.asarray(color * 255, np.float32)


class _Background:
    """A larger picture of soft patches and grain, seen through a window that drifts, turns and zooms in."""

    def __init__(self, random: np.random.Generator, height: int, width: int) -> None:
        self.height, self.width = height, width
        tall, wide = round(1.4 * height), round(1.4 * width)
        hue = random.uniform()
        dark = _rgb(hue, random.uniform(0.1, 0.3), random.uniform(0.3, 0.5))
        light = _rgb(hue + random.uniform(-0.1, 0.1), random.uniform(0.1, 0.25), random.uniform(0.65, 0.9))
        patches = _noise(random, tall, wide, 5) * 0.7 + _noise(random, tall, wide, 16) * 0.3
        grain = (_noise(random, tall, wide, max(tall // 4, 2)) - 0.5) * 24
        self._picture = np.asarray((dark + patches[..., None] * (light - dark)) * 255 + grain[..., None], np.float32)
        self._drift = random.uniform(-0.15, 0.15, (2, 2)) * (width, height)
        self._turn = random.uniform(-12, 12, 2)
        self._zoom = random.uniform(1.0, 1.2, 2)

    def at(self, time: float) -> Image:
        """The background (height, width, 3) RGB at a time from 0 to 1."""
        (x, y), turn, zoom = (ends[0] + time * (ends[1] - ends[0]) for ends in (self._drift, self._turn, self._zoom))
        tall, wide = self._picture.shape[:2]
        matrix = cv2.getRotationMatrix2D((wide / 2, tall / 2), turn, zoom)
        matrix[:, 2] += (self.width - wide) / 2 + x, (self.height - tall) / 2 + y
        size = (self.width, self.height)
        return np.asarray(cv2.warpAffine(self._picture, matrix, size, borderMode=cv2.BORDER_REFLECT_101), np.float32)


def _noise(random: np.random.Generator, height: int, width: int, cells: int) -> Floats:
    """Smooth noise from 0 to 1. `cells` is the number of cells along the height."""
    across = max(round(cells * width / height), 2)
    coarse = random.uniform(0, 1, (cells, across))
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).clip(0, 1), np.float64)


def _rgb(hue: float, saturation: float, value: float) -> Floats:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value))
