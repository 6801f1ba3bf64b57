"""Video files, read and written with PyAV (FFmpeg)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.atomic import atomic_write
from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    import av

__all__ = ["VideoFile", "VideoSink", "written_video"]

Frame = NDArray[np.uint8]


class VideoFile:
    """The frames of a video file, decoded one after another.

    Raises:
        VisorVosError: where the file holds no video that FFmpeg can read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as container:
            if not container.streams.video:
                raise VisorVosError(f"{path} holds no video.", "Give a video file or a folder of frames.")
            stream = container.streams.video[0]
            self.stated_length = stream.frames or None
            """The number of frames that the header states; it need not be true."""
            self.rate = Fraction(stream.average_rate or 24)

    def __iter__(self) -> Iterator[Frame]:
        """Decodes from the start: uint8 (H, W, 3) RGB, turned upright."""
        with self._opened() as container:
            for frame in container.decode(video=0):
                upright = np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90)
                yield np.ascontiguousarray(upright)

    def count(self) -> int:
        """The number of frames, found by decoding them all."""
        with self._opened() as container:
            return sum(1 for _ in container.decode(video=0))

    @contextmanager
    def _opened(self) -> Iterator[av.container.InputContainer]:
        import av  # takes a quarter of a second, which folders of frames need not spend

        try:
            with av.open(str(self.path)) as container:
                yield container
        except (av.FFmpegError, OSError) as error:
            raise VisorVosError(
                f"The video {self.path} cannot be read: {error.strerror or error}.",
                "The file is damaged or of an unknown format; convert it with FFmpeg or give a folder of frames.",
            ) from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    import av

    try:
        yield
    except av.FFmpegError as error:
        raise VisorVosError(
            f"The video {path} cannot be written: {error.strerror or error}.",
            "H.264 takes frames of 2 to 16384 pixels a side; write images in its place, --save overlay.",
        ) from error


class VideoSink(Protocol):
    """Takes the frames of a video that is being written."""

    def __call__(self, frame: Frame) -> None:
        """Adds a frame, uint8 (H, W, 3) RGB."""


@contextmanager
def written_video(path: Path, rate: Fraction) -> Iterator[VideoSink]:
    """An H.264 MP4 that browsers play, there as a whole when the block ends.

    Args:
        path: the file.
        rate: frames a second.

    Yields:
        A function that takes frames, uint8 (H, W, 3) RGB. H.264 wants even sides: an odd one is widened by
        repeating its last pixels.
    """
    import av

    with (
        _explained(path),
        atomic_write(path) as part,
        av.open(str(part), "w", "mp4", options={"movflags": "faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"

        def add(frame: Frame) -> None:
            height, width = frame.shape[:2]
            even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            if not stream.codec_context.is_open:
                stream.height, stream.width = even.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format="rgb24")))

        yield add
        container.mux(stream.encode())
