"""Video files, read and written with PyAV (FFmpeg)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, SupportsBytes, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.atomic import atomic_write
from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    import av
    from av.video.stream import VideoStream

Frame = NDArray[np.uint8]

_BT709, _UNSPECIFIED, _BT601 = 1, 2, 5
"""FFmpeg's numbers of color spaces. It takes an unspecified one for BT.601."""
_LIMITED, _FULL = 1, 2
"""FFmpeg's numbers of value ranges. RGB has the full range."""


class FrameVideo:
    """A video file as a source of frames, which are named by number: 00000, 00001, ...

    Raises:
        VisorVosError: if FFmpeg cannot read a video from the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._spans: list[tuple[int, int]] = []
        with video_errors(path):
            container, stream = open_video(path)
        with container:
            self.expected = stream.frames or None
            """The number of frames in the file's header. It may be wrong: for progress bars only."""
            self.rate = Fraction(stream.average_rate or 24)
            """Frames per second, on average."""
            self.time_base = Fraction(stream.time_base or 1 / self.rate)
            """The unit of time stamps in seconds."""
            self.pixel_aspect = Fraction(stream.sample_aspect_ratio or 1)
            """Width of a pixel over its height. After the first frame, with the frame turned upright."""
            seconds = stream.duration * self.time_base if stream.duration else (container.duration or 0) / 1e6
            # FFmpeg shortens the duration of an AVI to what a cut file can hold, but not its count.
            self._header_seconds = max(float(seconds), float(stream.frames / self.rate))

    def count(self) -> int:
        """The number of frames, found by decoding all of them."""
        return sum(1 for _ in self.read())

    def name(self, number: int) -> str:
        """A frame's name."""
        return f"{number:05d}"

    def number(self, name: str) -> int | None:
        """The number of the frame with a name."""
        return int(name) if name.isdecimal() else None

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the first frame, turned upright."""
        first = next(self.read(), None)
        if first is None:
            raise VisorVosError(f"The video {self.path} has no frames.", "Play the file to check it.")
        height, width, _ = first.shape
        return height, width

    def read(self, start: int = 0) -> Iterator[Frame]:
        """Decodes frames from number ``start`` on, uint8 (H, W, 3) RGB, turned upright.

        Raises:
            VisorVosError: if the file is damaged, with the number of the last frame that could be read.
        """
        return islice(self._decode(), start, None)

    def pick(self, numbers: Collection[int]) -> Iterator[Frame]:
        """The frames with the given numbers, in ascending order."""
        wanted = set(numbers)
        return (frame for number, frame in enumerate(islice(self._decode(), max(wanted) + 1)) if number in wanted)

    def span(self, number: int) -> tuple[int, int]:
        """Start and end of a frame that has been read, in units of ``time_base``. The first frame starts at 0."""
        return self._spans[number]

    def missing_seconds(self) -> float:
        """By how much the frames end before the duration in the file's header; more than 0 if the file was cut."""
        end = self._spans[-1][1] if self._spans else 0
        return max(0.0, self._header_seconds - float(end * self.time_base))

    def fingerprint(self) -> str:
        """A checksum of the file's content."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()

    def _decode(self) -> Iterator[Frame]:
        self._spans = []
        with video_errors(self.path, self._where):
            container, stream = open_video(self.path)
            with container:
                origin = 0
                for number, frame in enumerate(container.decode(stream)):
                    if number == 0:
                        origin = frame.pts or 0
                        aspect, (a, b, _, _) = Fraction(stream.sample_aspect_ratio or 1), _display_matrix(frame)
                        self.pixel_aspect = 1 / aspect if abs(b) > abs(a) else aspect
                    self._add_span(None if frame.pts is None else frame.pts - origin, frame.duration)
                    yield to_picture(frame)

    def _where(self) -> str:
        return f" after frame {self.name(len(self._spans) - 1)}" if self._spans else ""

    def _add_span(self, start: int | None, duration: int) -> None:
        last_start, last_end = self._spans[-1] if self._spans else (-1, 0)
        if start is None or start <= last_start:
            start = last_end
        self._spans.append((start, start + (duration or max(1, round(1 / (self.rate * self.time_base))))))


def open_video(path: Path) -> tuple[av.container.InputContainer, VideoStream]:
    """Opens a file and finds the stream that FFmpeg considers its video: not a cover picture, if there is another.

    Raises:
        VisorVosError: if there is no video stream. For errors of FFmpeg, see `video_errors`.
    """
    import av  # takes a quarter of a second, which folders of frames need not spend

    # Without "file:", a name with a colon would be an address.
    container = av.open(f"file:{path}")
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        container.close()
        raise VisorVosError(f"{path} has no video stream.", "Give a video file or a folder of frames.")
    return container, stream


@contextmanager
def video_errors(path: Path, where: Callable[[], str] = str) -> Iterator[None]:
    """Turns errors of FFmpeg in the block into a `VisorVosError` that names the file and where in it."""
    import av

    try:
        yield
    except (av.FFmpegError, OSError) as error:
        is_unknown = isinstance(error, av.error.InvalidDataError)
        reason = "it is damaged, or not a video" if is_unknown else error.strerror or error
        raise VisorVosError(
            f"The video {path} cannot be read{where()}: {reason}.",
            f"Convert it: ffmpeg -i {path} -c:v libx264 converted.mp4. Or give a folder of frames.",
        ) from error


def to_picture(frame: av.VideoFrame) -> Frame:
    """A decoded frame as uint8 (H, W, 3) RGB, turned upright as its display matrix says.

    The conversion of colors is explicit, because defaults differ between versions of PyAV.
    """
    picture = frame.to_ndarray(
        format="rgb24",
        src_colorspace=_BT601 if frame.colorspace == _UNSPECIFIED else frame.colorspace,
        dst_colorspace=_BT601,
        src_color_range=frame.color_range or _LIMITED,
        dst_color_range=_FULL,
    )
    a, b, c, d = _display_matrix(frame)
    if abs(b) > abs(a):
        picture, a, d = picture.swapaxes(0, 1), c, b
    return np.ascontiguousarray(picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1], np.uint8)


def _display_matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Numbers a, b, c, d: a pixel at (x, y) is to be shown at (a x + c y, b x + d y), up to a shift."""
    from av.sidedata.sidedata import SideDataContainer

    # frame.side_data would make a cycle with the frame, whose memory then waits for the garbage collector.
    matrix = SideDataContainer(frame).get("DISPLAYMATRIX")  # type: ignore[call-arg]  # not in the stubs
    if matrix is None:
        return 1, 0, 0, 1
    a, b, _, c, d = struct.unpack("=5i", bytes(cast("SupportsBytes", matrix))[:20])
    return a, b, c, d


VideoSink = Callable[[Frame, tuple[int, int]], None]
"""Adds a frame, uint8 (H, W, 3) RGB, shown from start to end in units of the time base, to a video being written."""


@contextmanager
def write_video(path: Path, rate: Fraction, time_base: Fraction, pixel_aspect: Fraction) -> Iterator[VideoSink]:
    """Writes an H.264 MP4 that browsers play, atomically.

    Args:
        path: the file.
        rate: frames per second, on average.
        time_base: the unit of time stamps in seconds.
        pixel_aspect: width of a pixel over its height.

    Yields:
        A function that takes frames. Odd sides are padded by one pixel, because H.264 needs even ones.

    Raises:
        VisorVosError: if the file cannot be written, or H.264 cannot hold such frames.
    """
    import av

    end = 0
    try:
        with atomic_write(path) as part, av.open(f"file:{part}", "w", "mp4", options={"movflags": "faststart"}) as file:
            # Without B-frames, packets are in the order of frames.
            stream = file.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast", "bf": "0"})
            stream.pix_fmt = "yuv420p"
            context = stream.codec_context
            context.time_base, context.sample_aspect_ratio = time_base, pixel_aspect
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED

            def add(frame: Frame, span: tuple[int, int]) -> None:
                nonlocal end
                height, width = frame.shape[:2]
                even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
                if not context.is_open:
                    stream.height, stream.width = even.shape[:2]
                picture = av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format="rgb24").reformat(
                    format="yuv420p",
                    src_colorspace=_BT601,
                    dst_colorspace=_BT709,
                    src_color_range=_FULL,
                    dst_color_range=_LIMITED,
                )
                picture.pts, end = span
                picture.time_base = time_base
                file.mux(stream.encode(picture))

            yield add
            packets = stream.encode()
            if packets:
                # MP4 stores durations; those of the others follow from the next packet.
                packets[-1].duration = end - (packets[-1].pts or 0)
            file.mux(packets)
    except av.FFmpegError as error:
        raise VisorVosError(
            f"The video {path} cannot be written: {error.strerror or error}.",
            "H.264 takes frames of 2 to 16384 pixels per side. Write images instead, --save overlay.",
        ) from error
