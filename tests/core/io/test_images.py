"""How frames are read."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.builders import draw_clip
from tests.cli.broken.harness import bomb
from tests.visor_builders import put, zipped
from visorvos.core.io.archives import Location
from visorvos.core.io.images import encode_jpeg, read_frame
from visorvos.errors import VisorVosError

FRAME = draw_clip(1, 67, 93, seed=0)[0][0]


def stored(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(FRAME).save(buffer, kind, **options)
    return buffer.getvalue()


def opencv(content: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image[..., ::-1]


ROTATED = Image.Exif()
ROTATED[0x0112] = 6
FILES = {
    "baseline": stored("JPEG", quality=90),
    "progressive, 4:4:4": stored("JPEG", quality=50, progressive=True, subsampling=0),
    "rotated": stored("JPEG", exif=ROTATED),
    "PNG": stored("PNG"),
}


@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_of_opencv_from_disk_and_from_a_zip(tmp_path: Path, name: str) -> None:
    put(tmp_path / "a.jpg", FILES[name])
    put(tmp_path / "a.zip", zipped({"b.jpg": FILES[name]}))
    for file in (tmp_path / "a.jpg", Location(tmp_path / "a.jpg"), Location(tmp_path / "a.zip", ("b.jpg",))):
        np.testing.assert_array_equal(read_frame(file), opencv(FILES[name]))


def test_jpegs_are_encoded_as_opencv_does(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), FRAME[..., ::-1])
    assert encode_jpeg(FRAME) == (tmp_path / "a.jpg").read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP"])
def test_a_truncated_image_is_an_error(tmp_path: Path, kind: str) -> None:
    content = stored(kind)
    put(tmp_path / "a.jpg", content[: len(content) // 2])
    with pytest.raises(VisorVosError, match=r"The frame .*a\.jpg cannot be read"):
        read_frame(tmp_path / "a.jpg")


def test_a_damaged_jpeg_is_an_error_even_if_it_has_its_end(tmp_path: Path) -> None:
    content = bytearray(stored("JPEG", quality=90))
    start = content.index(b"\xff\xda") + 20
    content[start : start + 2000] = np.random.default_rng(0).bytes(2000)
    put(tmp_path / "a.jpg", bytes(content))
    assert cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) is not None
    with pytest.raises(VisorVosError, match=r"a\.jpg cannot be read: "):
        read_frame(tmp_path / "a.jpg")


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    bomb(tmp_path / "a.png")
    with pytest.raises(VisorVosError, match="exceeds limit"):
        read_frame(tmp_path / "a.png")


@pytest.mark.parametrize("size", [(4000, 1), (1, 4000)])
def test_any_shape_is_read(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    assert read_frame(tmp_path / "a.png").shape == (size[1], size[0], 3)
