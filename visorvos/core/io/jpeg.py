"""JPEG in memory, coded as the reference's OpenCV calls do."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.images import IMAGE_FORMATS, MOST_PIXELS
from visorvos.errors import VisorVosError

__all__ = ["encode_jpeg", "read_whole_frame"]

_MOST_BYTES = 256 << 20


def read_whole_frame(location: Location) -> NDArray[np.uint8]:
    """A frame as uint8 (H, W, 3) in OpenCV's order of channels, BGR: what cv2.imread gives.

    Raises:
        VisorVosError: where it is missing, no image, or truncated (which OpenCV would fill up with gray).
    """
    content = read_bytes(location, _MOST_BYTES)
    try:
        with Image.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            jpeg = image.format in ("JPEG", "MPO")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _damaged(location, "it is no image" if content else "the file is empty") from error
    if width * height > MOST_PIXELS:
        raise _damaged(location, f"{width}x{height} pixels are more than can be meant")
    # Within a scan no such pair of bytes can stand, so a picture's end marker follows its last scan.
    if jpeg and content.rfind(b"\xff\xd9") < content.rfind(b"\xff\xda"):
        raise _damaged(location, "the picture ends before its end")
    try:
        frame = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _damaged(location, str(error.err)) from error
    if frame is None:
        raise _damaged(location, "it cannot be decoded")
    return np.asarray(frame, dtype=np.uint8)


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """uint8 (H, W, 3) BGR as the bytes that cv2.imwrite would write at its default quality."""
    return cv2.imencode(".jpg", frame)[1].tobytes()


def _damaged(location: Location, what: str) -> VisorVosError:
    return VisorVosError(f"The frame {location} is damaged: {what}.", "Copy or extract it again.")
