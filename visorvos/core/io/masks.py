"""Masks on disk: PNGs whose pixels are object ids."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visorvos.core.io.atomic import written_whole
from visorvos.core.io.images import list_images, opened_image
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError

__all__ = ["BLACK_AND_WHITE", "Mask", "fit_mask", "mask_files", "read_labels", "read_mask", "write_mask"]

BLACK_AND_WHITE = frozenset({255})
"""The ids of a mask that shows one object in white."""

_FITTED = 2


@dataclass(frozen=True)
class Mask:
    """A mask as it stands in its file."""

    labels: NDArray[np.uint8]
    """(H, W), 0 the background."""
    palette: bytes | None
    """256 RGB triples, or None for a gray file."""


def mask_files(folder: Path) -> dict[str, Path]:
    """The mask files of a folder by frame name, in natural order."""
    return {path.stem: path for path in list_images(folder, (".png", ".bmp"))}


def read_mask(path: Path) -> Mask:
    """Reads a palette PNG, a gray PNG with ids, or a black-and-white mask (255 is left as 255).

    Raises:
        VisorVosError: where it cannot be read, has colors in place of ids, or soft edges.
    """
    with opened_image(path, "mask") as image:
        if image.format in ("JPEG", "WEBP"):
            raise VisorVosError(
                f"The mask {path} is a {image.format}: its compression changes ids at the edges of objects.",
                "Save masks as PNG.",
            )
        if image.mode == "P":
            mask = Mask(np.array(image), _palette(image))
            _check_background(mask, path)
            return mask
        if image.mode == "1":
            return Mask(np.array(image, dtype=np.uint8), None)
        if image.mode != "L":
            raise VisorVosError(
                f"The mask {path} has pixels of mode {image.mode}, not object ids.",
                "Save masks as palette or gray PNG: 0 for the background, ids 1 to 255 for objects.",
            )
        labels = np.array(image)
    if _is_anti_aliased(labels):
        raise VisorVosError(
            f"The mask {path} has soft edges: gray values that are no object ids.",
            "Save it without anti-aliasing, in a lossless format such as PNG.",
        )
    return Mask(labels, None)


def fit_mask(labels: NDArray[np.uint8], height: int, width: int, path: Path) -> NDArray[np.uint8]:
    """Brings a mask that is off by a pixel or two to its frame's size (nearest).

    Args:
        labels: uint8 (H, W).
        height, width: the frame's.
        path: the mask's file, for the sentence.

    Raises:
        VisorVosError: where it is of another shape.
    """
    if labels.shape == (height, width):
        return labels
    if abs(labels.shape[0] - height) > _FITTED or abs(labels.shape[1] - width) > _FITTED:
        raise VisorVosError(
            f"The mask {path} is {labels.shape[1]}x{labels.shape[0]}, its frame is {width}x{height}.",
            "Give masks of the frames' own size.",
        )
    fitted = cv2.resize(labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(fitted, dtype=np.uint8)


def read_labels(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """The ids of a mask, uint8 (height, width), brought to its frame's size where it is off by a pixel or two.

    Raises:
        VisorVosError: see `read_mask` and `fit_mask`.
    """
    return fit_mask(read_mask(path).labels, height, width, path)


def write_mask(path: Path, labels: NDArray[np.uint8], palette: bytes = DAVIS_PALETTE) -> None:
    """Writes uint8 (H, W) object ids as a palette PNG, whole or not at all."""
    image = Image.fromarray(labels, mode="L")
    image.putpalette(palette)
    with written_whole(path) as part:
        image.save(part, format="PNG")


def _check_background(mask: Mask, path: Path) -> None:
    """Refuses a palette whose black is not 0: saved from colors, with indices that mean nothing."""
    colors = np.frombuffer(mask.palette or b"", np.uint8).reshape(-1, 3)
    if not colors[0].any():
        return
    black = [index for index in object_ids(mask.labels) if not colors[index].any()]
    if black:
        raise VisorVosError(
            f"The mask {path} shows its background, black, as {black[0]}, and 0 is a color of its palette.",
            "Save masks with 0 for the background and ids 1 to 255 for objects.",
        )


def _palette(image: Image.Image) -> bytes:
    colors = bytes(image.getpalette("RGB") or ())
    return colors + DAVIS_PALETTE[len(colors) :]


def _is_anti_aliased(labels: NDArray[np.uint8]) -> bool:
    """Whether gray values look like blended edges: several that fill no 3x3 patch anywhere and whose pixels
    lie between a darker and a brighter neighbor."""
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
