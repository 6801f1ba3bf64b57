"""Image files: how they are listed, opened and written."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.atomic import atomic_write
from visorvos.errors import VisorVosError, listed

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
_OTHER_SUFFIXES = (".avif", ".exr", ".gif", ".heic", ".jfif", ".jp2", ".pgm", ".ppm", ".tga", ".tif", ".tiff")
"""Images that are not read, so that they are named and not skipped."""
_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")
"""Formats that are opened, by content and not by name. For some others, Pillow runs external programs."""

_FRAME_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that compares numbers in names by value: "frame9" before "frame10"."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def list_images(folder: Path, suffixes: tuple[str, ...] = FRAME_SUFFIXES, ignored: str = "") -> list[Path]:
    """The images of a folder in natural order, without hidden files.

    Args:
        folder: the folder.
        suffixes: which images to list.
        ignored: name of a file that is skipped.

    Raises:
        VisorVosError: if the folder cannot be read, two images differ only in their suffix, or an image has a suffix
            that is not listed.
    """
    try:
        entries = [entry for entry in folder.iterdir() if entry.name[0] != "." and entry.name != ignored]
    except OSError as error:
        raise VisorVosError(
            f"The folder {folder} cannot be read: {error.strerror or error}.", "Check the path."
        ) from error
    unread = {*FRAME_SUFFIXES, *_OTHER_SUFFIXES} - set(suffixes)
    others = sorted(entry.name for entry in entries if entry.suffix.lower() in unread)
    if others:
        raise VisorVosError(
            f"Images in {folder} must be {', '.join(suffixes)}, got {listed(others, 3)}.",
            "Convert these files or move them to another folder.",
        )
    images = sorted((e for e in entries if e.suffix.lower() in suffixes), key=lambda entry: natural_key(entry.stem))
    for before, after in pairwise(images):
        if before.stem == after.stem:
            raise VisorVosError(
                f"{folder} holds both {before.name} and {after.name}.",
                "Remove one of them: masks are matched to frames by name without suffix.",
            )
    return images


@contextmanager
def open_image(file: Path | Location, kind: str) -> Iterator[ImageFile.ImageFile]:
    """Opens an image, on disk or in a zip file. Errors of Pillow inside the block are raised with the file's name.

    Args:
        file: the file.
        kind: what the image should be, such as "frame" or "mask", for error messages.

    Raises:
        VisorVosError: if the file is missing, damaged, not an image, or a decompression bomb.
    """
    location = file if isinstance(file, Location) else Location(file)
    content = read_bytes(location)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            yield image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).rstrip(".") or type(error).__name__
        if not content:
            reason = "the file is empty"
        elif isinstance(error, UnidentifiedImageError):
            reason = f"not an image of type {', '.join(_FORMATS)}"
        raise VisorVosError(f"The {kind} {location} cannot be read: {reason}.", "Copy or extract it again.") from error


def read_frame(file: Path | Location, rotate: bool = True) -> NDArray[np.uint8]:
    """Reads a frame as uint8 (H, W, 3) RGB, read-only, rotated as its EXIF data says unless ``rotate`` is off.

    Raises:
        VisorVosError: if it cannot be read, or does not have 8 bits per channel.
    """
    with open_image(file, "frame") as image:
        if image.mode not in _FRAME_MODES:
            raise VisorVosError(
                f"The frame {file} must have 8 bits per channel, got Pillow mode {image.mode}.",
                "Convert the frames to 8-bit RGB.",
            )
        if rotate:
            ImageOps.exif_transpose(image, in_place=True)
        # Pillow and not OpenCV, which fills up what a damaged JPEG lacks without an error. Its pixels are the same.
        # For an image that is RGB already, convert would copy it, and np.array would once more.
        return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """uint8 (H, W, 3) RGB as the bytes that ``cv2.imwrite`` writes at its default quality."""
    return cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Writes uint8 (H, W, 3) RGB atomically, as PNG or, for any other suffix, as JPEG."""
    with atomic_write(path) as part:
        Image.fromarray(picture).save(part, format="PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
