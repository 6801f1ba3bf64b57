"""Frames on disk."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL import WebPImagePlugin as _WebPImagePlugin  # noqa: F401 - else Pillow looks for WebP in all that it has

from visorvos.core.io.atomic import written_whole
from visorvos.errors import VisorVosError

__all__ = [
    "FRAME_SUFFIXES",
    "IMAGE_FORMATS",
    "MOST_PIXELS",
    "is_meant",
    "list_images",
    "natural_key",
    "opened_image",
    "read_frame",
    "write_picture",
]

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")

IMAGE_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
"""What is opened, by content and not by name. Pillow knows many more; of some it runs other programs to read them."""

# BMP, JPEG and PNG among them: else the first image has Pillow import all forty.
Image.preinit()

MOST_PIXELS = 1 << 26
"""Twice a frame of 8K; a file of a few bytes can state any size."""

_MOST_STRETCH = 64
"""Of the long side to the short one. Frames are brought to a short side: a strip would grow with its square."""

_OPENING = Lock()
"""Filters of warnings are those of all threads."""

_FRAME_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Orders names as people count: "frame9" before "frame10"."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def list_images(folder: Path, suffixes: tuple[str, ...] = FRAME_SUFFIXES) -> list[Path]:
    """The images of a folder in natural order, hidden files left out.

    Raises:
        VisorVosError: where the folder is missing, cannot be read, or two images differ by suffix alone.
    """
    try:
        entries = [entry for entry in folder.iterdir() if entry.suffix.lower() in suffixes]
    except OSError as error:
        raise VisorVosError(
            f"The folder {folder} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    images = sorted((e for e in entries if e.name[0] != "."), key=lambda entry: natural_key(entry.stem))
    for before, after in pairwise(images):
        if before.stem == after.stem:
            raise VisorVosError(
                f"In {folder}, {before.name} and {after.name} are images of one name.",
                "Keep one of the two: masks are matched to frames by name.",
            )
    return images


def is_meant(width: int, height: int) -> bool:
    """Whether a picture of that size can be meant, and not to fill the memory."""
    return width * height <= MOST_PIXELS and max(width, height) <= _MOST_STRETCH * min(width, height)


@contextmanager
def opened_image(path: Path, what: str) -> Iterator[Image.Image]:
    """An image opened with Pillow; whatever goes wrong inside the block names the file.

    Args:
        path: the file.
        what: what it is meant to be, for the sentence: "frame", "mask".

    Raises:
        VisorVosError: where it is missing, unreadable, no image, truncated, or too large to be meant.
    """
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise VisorVosError(f"The {what} {path}: this {found}.", f"Give the path of an image as the {what}.")
    try:
        with _open(path) as image:
            if not is_meant(*image.size):
                raise ValueError(f"{image.width}x{image.height} pixels are more than can be meant")
            yield image
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        raise VisorVosError(
            f"The {what} {path} cannot be read: {reason}.",
            "The file is damaged, empty or no image; copy or extract it again.",
        ) from error


def _open(path: Path) -> Image.Image:
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=IMAGE_FORMATS)


def read_frame(path: Path) -> NDArray[np.uint8]:
    """A frame as uint8 (H, W, 3) RGB, turned upright as its EXIF data says.

    Raises:
        VisorVosError: where it cannot be read as a picture of 8 bits a channel.
    """
    with opened_image(path, "frame") as image:
        if image.mode not in _FRAME_MODES:
            raise VisorVosError(
                f"The frame {path} has pixels of mode {image.mode}, not 8 bits a channel.",
                "Convert the frames to 8-bit RGB.",
            )
        return np.array(ImageOps.exif_transpose(image).convert("RGB"))


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes uint8 (H, W, 3) RGB, whole or not at all: JPEG, or PNG where the suffix says so."""
    with written_whole(path) as part:
        if path.suffix.lower() == ".png":
            Image.fromarray(picture).save(part, format="PNG")
        else:
            Image.fromarray(picture).save(part, format="JPEG", quality=92)
