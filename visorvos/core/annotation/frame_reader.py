"""Frames of a video by number, in any order, with a few of them in memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.frames import FrameFolder, FrameSource
from visorvos.core.io.images import read_frame
from visorvos.core.io.video import FrameVideo, open_video, to_picture, video_errors
from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    import av

Frame = NDArray[np.uint8]

_WINDOW_BYTES = 48 << 20
_WINDOW_FRAMES = 16
"""Frames of a video file that are kept, for steps back, as far as they fit into these bytes."""
_AHEAD = 32
"""Frames that are decoded in passing before seeking pays."""


class FrameReader:
    """Reads single frames; of a video file, from the key frame before them.

    Safe to use from several threads, though two that read far apart should have a reader each.

    Args:
        source: a folder of frames or a video file.

    Raises:
        VisorVosError: if a video file cannot be read or holds no frames.
    """

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self._lock = Lock()
        self._seeker = None if isinstance(source, FrameFolder) else _Seeker(source.path)

    def __len__(self) -> int:
        return self.source.count() if self._seeker is None else len(self._seeker)

    def __getitem__(self, number: int) -> Frame:
        """A frame, uint8 (H, W, 3) RGB."""
        if isinstance(self.source, FrameFolder):
            return read_frame(self.source.files[number])
        assert self._seeker is not None
        with self._lock:
            return self._seeker.read(number)

    def close(self) -> None:
        """Closes a video file."""
        if self._seeker is not None:
            self._seeker.close()


class _Seeker:
    """A video file that is open, the place of its decoder, and the frames decoded last.

    A frame's number is its place among all time stamps in display order. Files whose time stamps are missing or
    repeat are decoded from the start for every step back.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with video_errors(path):
            self._container, self._stream = open_video(path)
            stamps = [
                packet.pts for packet in self._container.demux(self._stream) if packet.size and not packet.is_discard
            ]
        known = [stamp for stamp in stamps if stamp is not None]
        self._stamps: list[int] = sorted(set(known))
        self._can_seek = len(self._stamps) == len(stamps)
        self._count = len(self._stamps) if self._can_seek else FrameVideo(path).count()
        if not self._count:
            raise VisorVosError(f"The video {path} holds no frames.", "Check the file with a player.")
        self._numbers: dict[int | None, int] = {stamp: number for number, stamp in enumerate(self._stamps)}
        self._decoder: Iterator[av.VideoFrame] = iter(())
        self._place = self._count
        """Number of the frame that the decoder gives next."""
        size = 3 * self._stream.width * self._stream.height
        self._kept = max(1, min(_WINDOW_FRAMES, _WINDOW_BYTES // size))
        self._window: OrderedDict[int, Frame] = OrderedDict()

    def __len__(self) -> int:
        return self._count

    def read(self, number: int) -> Frame:
        if number not in self._window:
            with video_errors(self._path):
                self._decode(number)
        if number not in self._window:
            raise VisorVosError(
                f"Frame {number} of the video {self._path} cannot be decoded.", "Convert the file with FFmpeg."
            )
        return self._window[number]

    def close(self) -> None:
        self._window.clear()
        self._container.close()

    def _decode(self, number: int) -> None:
        """Brings a frame into the window; on the way back, those before it too, which are likely to be next."""
        first_kept = number - self._kept + 1 if number < self._place else number
        if not self._place <= number <= self._place + _AHEAD:
            self._seek(number)
        for frame in self._decoder:
            place = self._numbers.get(frame.pts, self._place) if self._can_seek else self._place
            self._place = place + 1
            if place >= first_kept:
                self._window[place] = to_picture(frame)
                while len(self._window) > self._kept:
                    self._window.popitem(last=False)
            if place >= number:
                return

    def _seek(self, number: int) -> None:
        """Places the decoder at or before a frame: a key frame's own stamp may lie behind frames that follow it."""
        back = 0
        while self._can_seek:
            target = number - back
            if target <= 0:
                break
            self._container.seek(self._stamps[target], stream=self._stream)
            self._decoder = self._container.decode(self._stream)
            first = next(self._decoder, None)
            if first is not None and self._numbers.get(first.pts, number + 1) <= number:
                self._decoder = chain([first], self._decoder)
                return
            back = 2 * back + 1
        self._container.close()
        self._container, self._stream = open_video(self._path)
        self._decoder = self._container.decode(self._stream)
        self._place = 0
