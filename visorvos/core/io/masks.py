"""Masks on disk: PNGs whose pixels are object ids."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visorvos.core.io.atomic import atomic_write
from visorvos.core.io.images import list_images, open_image
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError

WHITE = 255
"""The id with two meanings: the object of a black-and-white mask, or else a border that belongs to no object."""

SHEET = "sheet.jpg"
"""The contact sheet that `predict` writes beside its masks."""

_MAX_DIFFERENCE = 2
_GRAY_STEPS = {"L;2": 85, "L;4": 17}
"""Pillow scales the values of gray PNGs with 2 and 4 bits per pixel to 0..255 by these factors."""
_PNG_END = b"IEND\xaeB`\x82"


@dataclass(frozen=True)
class Mask:
    """A mask as stored in its file."""

    labels: NDArray[np.uint8]
    """(H, W), 0 is the background. 255 is kept: see `replace_white`."""
    palette: bytes | None
    """256 RGB triples, or None for a gray file."""


def mask_files(folder: Path) -> dict[str, Path]:
    """The mask files of a folder by frame name, in natural order.

    Raises:
        VisorVosError: see `list_images`.
    """
    return {path.stem: path for path in list_images(folder, (".png", ".bmp"), ignored=SHEET)}


def is_black_and_white(ids: Collection[int]) -> bool:
    """Whether a mask that shows these ids is black and white, like those of DAVIS 2016."""
    return set(ids) == {WHITE}


def replace_white(labels: NDArray[np.uint8], black_and_white: bool) -> NDArray[np.uint8]:
    """Labels of which 255 is replaced by object 1 in a black-and-white mask, by the background in any other.

    In other masks 255 marks pixels to ignore, such as the borders of objects in PASCAL VOC.

    Args:
        labels: uint8 (H, W). Returned as they are if they do not contain 255.
        black_and_white: whether the mask, or the first mask of its sequence, is black and white.
    """
    if labels.max(initial=0) < WHITE:
        return labels
    return np.where(labels == WHITE, np.uint8(black_and_white), labels)


def read_mask(path: Path, size: tuple[int, int] | None = None) -> Mask:
    """Reads a palette PNG, a gray PNG of ids with 1 to 16 bits per pixel, or a black-and-white mask. 255 is kept.

    Args:
        path: the file.
        size: height and width of the frame. A mask that differs by at most two pixels is resized (nearest neighbor).

    Raises:
        VisorVosError: if it cannot be read, holds colors instead of ids, has blurred edges, or has another size.
    """
    mask = _read(path)
    if size is None or mask.labels.shape == size:
        return mask
    height, width = mask.labels.shape
    if abs(height - size[0]) > _MAX_DIFFERENCE or abs(width - size[1]) > _MAX_DIFFERENCE:
        raise VisorVosError(
            f"The mask {path} must have the size of its frame, {size[1]}x{size[0]}, got {width}x{height}.",
            "Resize the mask with nearest-neighbor interpolation.",
        )
    fitted = cv2.resize(mask.labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return Mask(np.asarray(fitted, dtype=np.uint8), mask.palette)


def read_labels(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """The labels that `read_mask` reads, uint8 (height, width)."""
    return read_mask(path, (height, width)).labels


def _read(path: Path) -> Mask:
    with open_image(path, "mask") as image:
        if image.format not in ("PNG", "BMP"):
            raise VisorVosError(
                f"The mask {path} must be a PNG, got {image.format}, whose compression changes ids.",
                "Save masks as PNG.",
            )
        steps = _GRAY_STEPS.get(str(image.tile[0][3]), 1) if image.format == "PNG" else 1
        if image.mode == "P":
            colors = bytes(image.getpalette("RGB") or ())
            mask = Mask(np.array(image), colors + DAVIS_PALETTE[len(colors) :])
            _check_background(mask, path)
            return mask
        if image.mode == "1":
            return Mask(np.array(image, dtype=np.uint8), None)
        if image.mode.startswith("I"):
            ids = np.array(image)
            if ids.max() > WHITE:
                raise VisorVosError(
                    f"The mask {path} must hold ids 0 to 255, got {ids.max()}.", "Renumber the objects."
                )
            return Mask(ids.astype(np.uint8), None)
        if image.mode != "L":
            raise VisorVosError(
                f"The mask {path} must hold object ids, got Pillow mode {image.mode}.",
                "Save masks as palette or gray PNG with 0 for the background and 1 to 255 for objects.",
            )
        labels = np.array(image) // np.uint8(steps)
    if _is_anti_aliased(labels):
        raise VisorVosError(
            f"The mask {path} has blurred edges: gray values that are not object ids.",
            "Save it without anti-aliasing as PNG.",
        )
    return Mask(labels, None)


def write_mask(path: Path, labels: NDArray[np.uint8], palette: bytes = DAVIS_PALETTE) -> None:
    """Writes uint8 (H, W) object ids atomically as a palette PNG."""
    image = Image.fromarray(labels)
    image.putpalette(palette)
    with atomic_write(path) as part:
        image.save(part, format="PNG")


def is_complete_png(path: Path) -> bool:
    """Whether a file exists and ends as a PNG does: not empty or truncated."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:
        return False


def _check_background(mask: Mask, path: Path) -> None:
    """Refuses a palette in which black is not 0: such a mask was saved from colors, and its indices are arbitrary."""
    colors = np.frombuffer(mask.palette or b"", np.uint8).reshape(-1, 3)
    if not colors[0].any():
        return
    black = [index for index in object_ids(mask.labels) if not colors[index].any()]
    if black:
        raise VisorVosError(
            f"The mask {path} must use 0 for the background, got {black[0]}, the index of black in its palette.",
            "Save masks with 0 for the background and 1 to 255 for objects.",
        )


def _is_anti_aliased(labels: NDArray[np.uint8]) -> bool:
    """Whether gray values look like blended edges: at least two that fill no 3x3 square anywhere, and most of whose
    pixels lie between a darker and a brighter neighbor."""
    present = object_ids(labels)
    if len(present) < 3:
        return False
    darkest = cv2.erode(labels, np.ones((3, 3), np.uint8))
    brightest = cv2.dilate(labels, np.ones((3, 3), np.uint8))
    solid = set(object_ids(np.where(darkest == brightest, labels, 0).astype(np.uint8)))
    blended = [value for value in present if value not in solid]
    if len(blended) < 2:
        return False
    between = (darkest < labels) & (labels < brightest)
    return bool(between[np.isin(labels, blended)].mean() > 0.5)
