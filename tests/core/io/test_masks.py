"""Masks as other programs write them, and what 255 means."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.io.frames import open_frames
from visorvos.core.io.images import list_images
from visorvos.core.io.masks import mask_files, read_mask, replace_white, write_mask
from visorvos.errors import VisorVosError

relaxed = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LABELS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def png(path: Path, ids: np.ndarray, bits: int, kind: int = 0) -> Path:
    """A PNG written after its specification: ``kind`` 0 is gray, 3 palette."""
    height, width = ids.shape
    rows = b""
    for row in ids:
        line = "".join(f"{int(value):0{bits}b}" for value in row)
        line = line.ljust(-(-len(line) // 8) * 8, "0")
        rows += b"\0" + int(line, 2).to_bytes(len(line) // 8, "big")
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    if kind == 3:
        parts.append((b"PLTE", bytes(range(3 * min(256, 2**bits))) if bits < 7 else bytes(768)))
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in parts)
    )
    return path


@pytest.mark.parametrize(("bits", "kind"), [(1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (1, 3), (2, 3), (4, 3), (8, 3)])
def test_pixels_of_any_depth_are_ids(tmp_path: Path, bits: int, kind: int) -> None:
    ids = np.arange(12 * 12).reshape(12, 12) // 36 % min(4, 2**bits)
    mask = read_mask(png(tmp_path / "m.png", ids, bits, kind))
    assert mask.labels.dtype == np.uint8
    np.testing.assert_array_equal(mask.labels, ids)
    assert (mask.palette is not None) == (kind == 3)


def test_ids_above_255_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VisorVosError, match=r"m\.png must hold ids 0 to 255, got 300"):
        read_mask(png(tmp_path / "m.png", np.array([[0, 300]]), 16))


@relaxed
@given(LABELS, st.binary(min_size=768, max_size=768))
def test_what_is_written_is_read(tmp_path: Path, labels: np.ndarray, colors: bytes) -> None:
    palette = bytes(3) + colors[3:]
    write_mask(tmp_path / "m.png", labels, palette)
    mask = read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(mask.labels, labels)
    assert mask.palette == palette


@relaxed
@given(LABELS, st.booleans())
def test_255_is_the_object_of_black_and_white_masks_alone(labels: np.ndarray, black_and_white: bool) -> None:
    expected = [[int(black_and_white) if value == 255 else value for value in row] for row in labels.tolist()]
    assert replace_white(labels, black_and_white).tolist() == expected


@pytest.mark.parametrize(
    ("first", "later", "expected", "objects"),
    [
        ([0, 255], [255, 0], [1, 0], 1),
        ([1, 2, 255], [255, 1, 2], [0, 1, 2], 2),
        ([0, 0], [0, 255], [0, 0], 0),
        ([0, 3], [1, 5], [1, 5], 3),
    ],
)
def test_the_first_mask_of_a_sequence_decides(
    tmp_path: Path, first: list[int], later: list[int], expected: list[int], objects: int
) -> None:
    for name, row in (("0", first), ("1", later)):
        write_mask(tmp_path / f"{name}.png", np.array([row], np.uint8))
    truth = open_ground_truth([tmp_path / "0.png"])
    assert truth.objects == objects
    assert truth.labels(tmp_path / "1.png").tolist() == [expected]


def fill(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


NOT_IMAGES = ("Thumbs.db", ".DS_Store", "notes.txt", ".hidden.tif")


def test_files_that_are_not_images_are_skipped(tmp_path: Path) -> None:
    assert [file.name for file in list_images(fill(tmp_path / "a", "2.jpg", "10.JPG", *NOT_IMAGES))] == [
        "2.jpg",
        "10.JPG",
    ]
    assert list(mask_files(fill(tmp_path / "b", "2.png", "10.bmp", "sheet.jpg", *NOT_IMAGES))) == ["2", "10"]


@pytest.mark.parametrize(
    ("names", "culprits"),
    [
        (["0.jpg", "1.tif"], r"1\.tif"),
        (["0.jpg", "1.HEIC", "2.gif"], r"1\.HEIC, 2\.gif"),
        (["0.tiff", "1.tiff"], r"0\.tiff, 1\.tiff"),
    ],
)
def test_frames_with_another_suffix_are_an_error(tmp_path: Path, names: list[str], culprits: str) -> None:
    with pytest.raises(VisorVosError, match=rf"must be \.jpg, .*, got {culprits}\."):
        open_frames(fill(tmp_path / "frames", *names))


def test_a_jpeg_among_masks_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VisorVosError, match=r"must be \.png, \.bmp, got 1\.jpg\."):
        mask_files(fill(tmp_path / "masks", "0.png", "1.jpg", "2.png"))
