"""The frames of one video, whether it is a folder of images or a video file."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.images import FRAME_SUFFIXES, list_images, natural_key, read_frame
from visorvos.core.io.video import VideoFile
from visorvos.errors import VisorVosError

__all__ = ["FrameFolder", "FrameSource", "FrameVideo", "list_sequences", "open_frames"]

Frame = NDArray[np.uint8]


class FrameFolder:
    """A folder of images, one a frame, in natural order."""

    rate = Fraction(24)
    """A folder states no rate; DAVIS's is taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = list_images(path)
        if not self.files:
            raise VisorVosError(f"There are no frames in {path}.", f"Frames are images: {' '.join(FRAME_SUFFIXES)}.")
        self._numbers = {file.stem: number for number, file in enumerate(self.files)}

    @property
    def expected(self) -> int | None:
        """The number of frames, as far as it is known without reading them."""
        return len(self.files)

    def count(self) -> int:
        return len(self.files)

    def name(self, number: int) -> str:
        """A frame's name, without suffix."""
        return self.files[number].stem

    def number(self, name: str) -> int | None:
        """The number of the frame of that name."""
        return self._numbers.get(name)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame; all of a video are alike."""
        height, width, _ = read_frame(self.files[0]).shape
        return height, width

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Frames from ``start`` on, each read when it is asked for."""
        for file in self.files[start:]:
            yield read_frame(file)

    def pick(self, numbers: Collection[int]) -> Iterator[Frame]:
        """The frames of some numbers, in ascending order."""
        return (read_frame(self.files[number]) for number in sorted(numbers))

    def fingerprint(self) -> list[tuple[str, int, int]]:
        """Names, sizes and times of the files: changes when a frame does.

        Raises:
            VisorVosError: where one is a link to nowhere.
        """
        marks = []
        for file in self.files:
            try:
                stat = file.stat()
            except OSError as error:
                raise VisorVosError(
                    f"The frame {file} cannot be read: {error.strerror}.", "Copy or extract it again."
                ) from error
            marks.append((file.name, stat.st_size, stat.st_mtime_ns))
        return marks


class FrameVideo:
    """A video file. Frames are named by number: 00000, 00001, ..."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._video = VideoFile(path)
        self.rate = self._video.rate

    @property
    def expected(self) -> int | None:
        """The number of frames that the file's header states, if any."""
        return self._video.stated_length

    def count(self) -> int:
        """The number of frames, by decoding them all."""
        return self._video.count()

    def name(self, number: int) -> str:
        return f"{number:05d}"

    def number(self, name: str) -> int | None:
        return int(name) if name.isdecimal() else None

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame."""
        first = next(iter(self._video), None)
        if first is None:
            raise VisorVosError(f"The video {self.path} holds no frames.", "Check the file with a player.")
        height, width, _ = first.shape
        return height, width

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Frames from ``start`` on; those before are decoded and passed over."""
        return islice(self._video, start, None)

    def pick(self, numbers: Collection[int]) -> Iterator[Frame]:
        """The frames of some numbers, in ascending order."""
        wanted = set(numbers)
        return (frame for number, frame in enumerate(islice(self._video, max(wanted) + 1)) if number in wanted)

    def fingerprint(self) -> list[tuple[str, int, int]]:
        stat = self.path.stat()
        return [(self.path.name, stat.st_size, stat.st_mtime_ns)]


FrameSource = FrameFolder | FrameVideo


def open_frames(path: Path) -> FrameSource:
    """A folder of frames or a video file.

    Raises:
        VisorVosError: where it is neither, or empty.
    """
    if path.is_dir():
        return FrameFolder(path)
    if path.is_file():
        return FrameVideo(path)
    raise VisorVosError(f"{path} does not exist.", "Give a folder of frames or a video file.")


def list_sequences(path: Path) -> list[str]:
    """Names of the folders in a folder that has no images of its own, in natural order; of all else none."""
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError:
        # No folder, or one that cannot be read: whoever opens it says so.
        return []
    if any(entry.suffix.lower() in FRAME_SUFFIXES and not entry.is_dir() for entry in entries):
        return []
    return sorted((entry.name for entry in entries if entry.is_dir()), key=natural_key)
