"""Frames by number, in any order, against reading them one after another."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.builders import write_frames
from visorvos.core.annotation.frame_reader import FrameReader
from visorvos.core.io.frames import open_frames
from visorvos.errors import VisorVosError

COUNT = 90


def images(count: int = COUNT) -> list[np.ndarray]:
    ramp = np.linspace(0, 255, 64)[None, :, None]
    return [np.broadcast_to((ramp + 5 * number) % 256, (48, 64, 3)).astype(np.uint8) for number in range(count)]


def write_video(path: Path, frames: list[np.ndarray], codec: str = "libx264", **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(30), options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(
    params=[
        ("a.mp4", {"g": "12", "bf": "3"}),  # B-frames: decoded in another order than shown
        ("b.mkv", {"g": "250", "bf": "2"}),  # one key frame
        ("c.mp4", {"x264-params": "keyint=15:open-gop=1:bframes=3"}),
        ("d.avi", {"codec": "mpeg4"}),
        ("e.h264", {"g": "20"}),  # no time stamps at all
    ],
    ids=lambda case: case[0],
)
def video(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, options = request.param
    return write_video(tmp_path / name, images(), **options)


def test_any_order_gives_the_same_frames(video: Path) -> None:
    source = open_frames(video)
    expected = list(source.read())
    reader = FrameReader(source)
    assert len(reader) == len(expected)
    order = [
        *range(5),
        80,
        3,
        89,
        0,
        47,
        46,
        45,
        44,
        *range(70, 60, -1),
        *np.random.default_rng(0).permutation(COUNT)[:40],
    ]
    for number in order:
        np.testing.assert_array_equal(reader[int(number)], expected[number])
    reader.close()


def test_a_folder(tmp_path: Path) -> None:
    frames = images(4)
    reader = FrameReader(open_frames(write_frames(tmp_path / "clip", frames)))
    assert len(reader) == 4
    for number in (3, 0, 2):
        np.testing.assert_array_equal(reader[number], frames[number])


def test_a_file_that_is_not_a_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "cut.mp4", images(8))
    source = open_frames(path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(VisorVosError, match=r"cut\.mp4 cannot be read"):
        FrameReader(source)
