"""Videos as FFmpeg writes them, read as frames with time stamps, and written with those."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.builders import draw_clip, write_labels
from tests.cli.broken.harness import bomb
from visorvos.core.io.frames import FrameVideo, open_frames
from visorvos.core.io.given_masks import GivenMasks
from visorvos.core.io.video import write_video
from visorvos.errors import VisorVosError

FRAMES = draw_clip(12, 48, 64, seed=3)[0]
ONE = Fraction(1)


def encode(path: Path, codec: str = "ffv1", pixels: str = "bgr0", frames: Sequence[Any] = FRAMES, **tags: Any) -> Path:
    """Writes frames with PyAV alone. Tags are attributes of the encoder."""
    with av.open(str(path), "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as container:
        stream = container.add_stream(codec, rate=24)
        stream.pix_fmt = pixels
        stream.height, stream.width = frames[0].shape[:2]
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if "colorspace" in tags:
                picture = picture.reformat(
                    format=pixels,
                    src_colorspace=5,
                    dst_colorspace=tags["colorspace"],
                    src_color_range=2,
                    dst_color_range=tags["color_range"],
                )
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def rewrite(source: FrameVideo, path: Path) -> FrameVideo:
    """Writes the frames of a video anew, with its time stamps."""
    with write_video(path, source.rate, source.time_base, source.pixel_aspect) as write:
        for number, frame in enumerate(source.read()):
            write(frame, source.span(number))
    return FrameVideo(path)


def times(source: FrameVideo) -> list[tuple[Fraction, Fraction]]:
    """Start and end of all frames, in seconds."""
    return [tuple(stamp * source.time_base for stamp in source.span(n)) for n in range(source.count())]  # type: ignore[misc]


@pytest.mark.parametrize("pixels", ["bgr0", "gbrp10le", "gbrp12le"])
def test_frames_of_a_lossless_video_of_8_to_12_bits(tmp_path: Path, pixels: str) -> None:
    source = FrameVideo(encode(tmp_path / "v.mkv", pixels=pixels))
    np.testing.assert_array_equal(list(source.read()), FRAMES)
    np.testing.assert_array_equal(list(source.read(5)), FRAMES[5:])
    np.testing.assert_array_equal(list(source.pick([7, 2])), [FRAMES[2], FRAMES[7]])
    assert (source.count(), source.size) == (12, (48, 64))


def yuv_to_rgb(frame: av.VideoFrame, red: float, blue: float, full: bool) -> np.ndarray[Any, Any]:
    """The definition of Y'CbCr, ITU-R BT.601 and BT.709, on 4:4:4 planes."""
    planes = frame.to_ndarray(format="yuv444p").astype(float)
    low, span, chroma = (0, 255, 255) if full else (16, 219, 224)
    y, cb, cr = (planes[0] - low) / span, (planes[1] - 128) / chroma, (planes[2] - 128) / chroma
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / (1 - red - blue)
    return 255 * np.stack([r, g, b], axis=-1).clip(0, 1)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("matrix", "red", "blue"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (2, 0.299, 0.114)])
def test_colors_follow_the_tags_of_the_file(tmp_path: Path, matrix: int, red: float, blue: float, full: bool) -> None:
    frames = [np.repeat(np.repeat(frame[::8, ::8], 8, axis=0), 8, axis=1) for frame in FRAMES[:2]]
    tags = {} if matrix == 2 else {"colorspace": matrix, "color_range": 2 if full else 1}
    path = encode(tmp_path / "v.mp4", "libx264", "yuv444p", frames, **tags)
    with av.open(str(path)) as container:
        expected = [yuv_to_rgb(frame, red, blue, full and matrix != 2) for frame in container.decode(video=0)]
    # FFmpeg computes with integers.
    np.testing.assert_allclose(list(FrameVideo(path).read()), expected, atol=3)


def test_delays_of_a_gif_are_kept(tmp_path: Path) -> None:
    images = [Image.fromarray(frame) for frame in FRAMES[:4]]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=[100, 500, 40, 2000])
    starts = [Fraction(0), Fraction(1, 10), Fraction(6, 10), Fraction(64, 100), Fraction(264, 100)]
    source = FrameVideo(tmp_path / "a.gif")
    written = rewrite(source, tmp_path / "b.mp4")
    assert times(source) == times(written) == list(pairwise(starts))
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.duration == 2_640_000


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 3000), min_size=1, max_size=30),
    st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 24_000), Fraction(1, 24)]),
)
def test_any_time_stamps_are_written(tmp_path: Path, durations: list[int], time_base: Fraction) -> None:
    spans, end = [], 0
    with write_video(tmp_path / "v.mp4", Fraction(24), time_base, ONE) as write:
        for number, duration in enumerate(durations):
            spans.append((end, end + duration))
            end += duration
            write(FRAMES[number % 12], spans[-1])
    assert times(FrameVideo(tmp_path / "v.mp4")) == [(start * time_base, end * time_base) for start, end in spans]


def test_a_video_without_time_stamps_has_even_ones(tmp_path: Path) -> None:
    encode(tmp_path / "v.h264", "libx264", "yuv420p")
    source = FrameVideo(tmp_path / "v.h264")
    found = times(source)
    assert len(found) == len(FRAMES)
    assert found[-1][1] == 12 * found[0][1]


def test_an_overlay_keeps_pixel_aspect_and_names_its_colors(tmp_path: Path) -> None:
    source = FrameVideo(encode(tmp_path / "v.mp4", "libx264", "yuv420p", sample_aspect_ratio=Fraction(4, 3)))
    assert rewrite(source, tmp_path / "w.mp4").pixel_aspect == Fraction(4, 3)
    with av.open(str(tmp_path / "w.mp4")) as container:
        context = container.streams.video[0].codec_context
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)


def test_colors_survive_writing_and_reading(tmp_path: Path) -> None:
    flat = np.full((48, 64, 3), (200, 60, 20), np.uint8)
    with write_video(tmp_path / "v.mp4", Fraction(24), Fraction(1, 24), ONE) as write:
        write(flat, (0, 1))
    np.testing.assert_allclose(next(FrameVideo(tmp_path / "v.mp4").read()), flat, atol=4)


Turn = Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]
MATRICES: dict[str, tuple[tuple[int, int, int, int], Turn]] = {
    "as it is": ((1, 0, 0, 1), lambda frame: frame),
    "a quarter clockwise": ((0, 1, -1, 0), lambda frame: np.rot90(frame, -1)),
    "a half": ((-1, 0, 0, -1), lambda frame: np.rot90(frame, 2)),
    "a quarter counterclockwise": ((0, -1, 1, 0), np.rot90),
    "mirrored": ((-1, 0, 0, 1), np.fliplr),
    "upside down": ((1, 0, 0, -1), np.flipud),
    "mirrored and turned": ((0, 1, 1, 0), lambda frame: np.rot90(np.fliplr(frame))),
    "mirrored and turned back": ((0, -1, -1, 0), lambda frame: np.rot90(np.fliplr(frame), -1)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_frame_is_shown_as_its_display_matrix_says(tmp_path: Path, name: str) -> None:
    (a, b, c, d), turn = MATRICES[name]
    path = encode(tmp_path / "v.mp4", "libx264", "yuv420p", sample_aspect_ratio=Fraction(4, 3))
    plain = list(FrameVideo(path).read())
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 44
    content[at : at + 36] = struct.pack(">9i", *(x << 16 for x in (a, b, 0, c, d, 0, 0, 0)), 1 << 30)
    path.write_bytes(content)
    source = FrameVideo(path)
    np.testing.assert_array_equal(list(source.read()), [turn(frame) for frame in plain])
    assert source.size == turn(plain[0]).shape[:2]
    assert source.pixel_aspect == (Fraction(4, 3) if a else Fraction(3, 4))


def test_the_stream_that_ffmpeg_calls_best_is_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mkv"), "w") as container:
        cover, stream = container.add_stream("ffv1", rate=24), container.add_stream("ffv1", rate=24)
        cover.pix_fmt, cover.width, cover.height = "bgr0", 320, 240
        stream.pix_fmt, stream.width, stream.height = "bgr0", 64, 48
        cover.disposition, stream.disposition = Disposition(0), Disposition.default
        picture = av.VideoFrame.from_ndarray(np.zeros((240, 320, 3), np.uint8), format="rgb24")
        container.mux([*cover.encode(picture), *cover.encode()])
        for frame in FRAMES:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    with av.open(str(tmp_path / "v.mkv")) as container:
        assert container.streams.video[0].width == 320
    np.testing.assert_array_equal(list(FrameVideo(tmp_path / "v.mkv").read()), FRAMES)


@pytest.mark.parametrize("name", ["a:b.mkv", "http:v.mkv", "50% #1?.mkv", "concat:a|b.mkv"])
def test_any_file_name_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    encode(tmp_path / "v.mkv").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    source = open_frames(Path(name))
    assert isinstance(source, FrameVideo)
    assert source.count() == 12
    assert rewrite(source, Path(f"{name}:x.mp4")).count() == 12


def test_a_file_that_breaks_gives_the_frames_before_and_names_the_last(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.mp4", "libx264", "yuv420p", FRAMES * 3)
    whole = list(FrameVideo(path).read())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    source, read = FrameVideo(path), []
    with pytest.raises(VisorVosError, match=r"v\.mp4 cannot be read after frame (\d+): it is damaged") as caught:
        read.extend(source.read())
    assert 0 < len(read) < 36
    assert f"after frame {len(read) - 1:05d}" in caught.value.message
    np.testing.assert_array_equal(read, whole[: len(read)])


@pytest.mark.parametrize(("name", "codec", "pixels"), [("v.mkv", "ffv1", "bgr0"), ("v.avi", "mpeg4", "yuv420p")])
def test_a_cut_file_is_shorter_than_its_header_says(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = encode(tmp_path / name, codec, pixels, FRAMES * 4)
    source = FrameVideo(path)
    assert (source.count(), source.missing_seconds()) == (48, pytest.approx(0, abs=0.01))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    source = FrameVideo(path)
    frames = source.count()
    assert 0 < frames < 48
    assert source.missing_seconds() == pytest.approx((48 - frames) / 24, abs=0.01)


def test_a_count_of_frames_in_the_header_decides_nothing(tmp_path: Path) -> None:
    path = encode(tmp_path / "v.avi", "mpeg4", "yuv420p")
    content = bytearray(path.read_bytes())
    for at in (content.index(b"avih") + 24, content.index(b"strh") + 40):
        assert struct.unpack_from("<I", content, at) == (12,)
        struct.pack_into("<I", content, at, 3)
    path.write_bytes(content)
    source = FrameVideo(path)
    assert (source.expected, source.count()) == (3, 12)
    for name in ("00000", "00011"):
        write_labels(tmp_path / "masks" / f"{name}.png", np.ones((48, 64), np.uint8))
    assert list(GivenMasks(tmp_path / "masks", source)) == [0, 11]


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "v.png")
    with pytest.raises(VisorVosError, match=r"v\.png cannot be read"):
        FrameVideo(tmp_path / "v.png").count()


def test_the_rate_of_a_folder_is_an_option_and_that_of_a_file_is_not(tmp_path: Path) -> None:
    Image.fromarray(FRAMES[0]).save(tmp_path / "0.png")
    assert open_frames(tmp_path).rate == 24
    assert open_frames(tmp_path, 29.97).rate == Fraction(2997, 100)
    with pytest.raises(VisorVosError, match="--fps is for folders of frames"):
        open_frames(encode(tmp_path / "v.mkv"), 25)
