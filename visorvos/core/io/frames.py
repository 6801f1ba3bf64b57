"""The frames of one video, from a folder of images or a video file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.images import FRAME_SUFFIXES, list_images, natural_key, read_frame
from visorvos.core.io.video import FrameVideo
from visorvos.errors import VisorVosError

Frame = NDArray[np.uint8]


class FrameFolder:
    """A folder of images, one per frame, in natural order.

    Args:
        path: the folder.
        rate: frames per second.

    Raises:
        VisorVosError: if it holds no images, or cannot be read.
    """

    pixel_aspect = Fraction(1)

    def __init__(self, path: Path, rate: Fraction = Fraction(24)) -> None:
        self.path = path
        self.rate, self.time_base = rate, 1 / rate
        self.files = list_images(path)
        if not self.files:
            raise VisorVosError(f"There are no frames in {path}.", f"Frames are images: {' '.join(FRAME_SUFFIXES)}.")
        self.expected = len(self.files)
        self._numbers = {file.stem: number for number, file in enumerate(self.files)}

    def count(self) -> int:
        """The number of frames."""
        return len(self.files)

    def name(self, number: int) -> str:
        """A frame's name, without suffix."""
        return self.files[number].stem

    def number(self, name: str) -> int | None:
        """The number of the frame with a name."""
        return self._numbers.get(name)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        height, width, _ = read_frame(self.files[0]).shape
        return height, width

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Frames from number ``start`` on, uint8 (H, W, 3) RGB."""
        return map(read_frame, self.files[start:])

    def pick(self, numbers: Collection[int]) -> Iterator[Frame]:
        """The frames with the given numbers, in ascending order."""
        return (read_frame(self.files[number]) for number in sorted(numbers))

    def span(self, number: int) -> tuple[int, int]:
        """Start and end of a frame in units of ``time_base``."""
        return number, number + 1

    def missing_seconds(self) -> float:
        """A folder lacks no frames."""
        return 0

    def fingerprint(self) -> str:
        """A checksum of the files' names and content.

        Raises:
            VisorVosError: if one cannot be read.
        """
        checksum = hashlib.blake2b()
        for file in self.files:
            checksum.update(file.name.encode() + b"/" + hashlib.blake2b(read_bytes(Location(file))).digest())
        return checksum.hexdigest()


FrameSource = FrameFolder | FrameVideo


def open_frames(path: Path, fps: float | None = None) -> FrameSource:
    """Opens a folder of frames or a video file.

    Args:
        path: the folder or file.
        fps: frames per second of a folder, 24 by default.

    Raises:
        VisorVosError: if it is neither, holds no frames, or ``fps`` is given for a video file.
    """
    if path.is_dir():
        return FrameFolder(path, Fraction(24) if fps is None else Fraction(fps).limit_denominator(1001))
    if path.is_file():
        if fps is not None:
            raise VisorVosError(
                f"--fps is for folders of frames, and {path} is a file.", "Omit --fps: a video keeps its time stamps."
            )
        return FrameVideo(path)
    raise VisorVosError(f"{path} does not exist.", "Give a folder of frames or a video file.")


def list_sequences(path: Path) -> list[str]:
    """Names of the folders inside a folder that holds no images itself, in natural order. Otherwise an empty list."""
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:
        # Not a folder, or not readable: the function that opens it raises the error.
        return []
    if any(entry.suffix.lower() in FRAME_SUFFIXES and not entry.is_dir() for entry in entries):
        return []
    return sorted((entry.name for entry in entries if entry.is_dir()), key=natural_key)
