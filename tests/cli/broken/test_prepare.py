from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.broken.harness import (
    Row,
    bomb,
    empty,
    endless,
    fifo,
    folder,
    loop,
    refused,
    truncate,
    unreadable,
)
from tests.conftest import Run, full_disk
from tests.visor_builders import Release, box, contents, entity, frame, zipped

JSON = "annotations/val/P07_101.json"
JPEG = "images/P07_101/P07_101_frame_0000000010.jpg"


def frames_of(*frames: dict[str, Any]) -> Callable[[Path], object]:
    """Another JSON in place of the good one."""
    return lambda p: (p / JSON).write_text(json.dumps({"video_annotations": list(frames)}))


def changed(old: str, new: str) -> Callable[[Path], object]:
    def change(p: Path) -> None:
        text = (p / JSON).read_text()
        assert old in text
        (p / JSON).write_text(text.replace(old, new))

    return change


def corner(value: str) -> Callable[[Path], object]:
    return changed("[200.9, 200.2]", f"[{value}, 200.2]")


CROWD = [entity(f"object {number}", box(1, 1, 9, 9)) for number in range(300)]

PREPARE: dict[str, Row] = {
    "no annotations": (lambda p: shutil.rmtree(p / "annotations"), "annotations", "does not exist"),
    "annotations that are text": (
        lambda p: (shutil.rmtree(p / "annotations"), (p / "annotations").write_text("x")),
        "annotations",
        "not a zip file",
    ),
    "annotations that are a link to themselves": (
        lambda p: (shutil.rmtree(p / "annotations"), loop(p / "annotations")),
        "annotations",
        "cannot be read",
    ),
    "annotations and images swapped": (
        lambda p: (
            (p / "images").rename(p / "x"),
            (p / "annotations").rename(p / "images"),
            (p / "x").rename(p / "annotations"),
        ),
        "annotations",
        "no annotations of the split val",
    ),
    "no JSON of the split": (lambda p: (p / JSON).unlink(), "annotations", "no annotations of the split val"),
    "an empty JSON": (lambda p: empty(p / JSON), JSON, "not JSON"),
    "a cut JSON": (lambda p: truncate(p / JSON), JSON, "not JSON"),
    "a web page": (lambda p: (p / JSON).write_text("<html>"), JSON, "not JSON"),
    "a JSON that is not UTF-8": (lambda p: (p / JSON).write_bytes(b'{"video_annotations": "\xff"}'), JSON, "not JSON"),
    "a JSON nested deep": (lambda p: (p / JSON).write_text("[" * 500_000), JSON, "not JSON"),
    "a JSON of something else": (lambda p: (p / JSON).write_text('{"images": []}'), JSON, "video_annotations"),
    "a JSON without frames": (frames_of(), JSON, "has no frame"),
    "a JSON that is a link to itself": (lambda p: loop(p / JSON), JSON, "cannot be read"),
    "a JSON that is a folder": (lambda p: folder(p / JSON), "annotations", "no annotations of the split val"),
    "a JSON that cannot be read": (lambda p: unreadable(p / JSON), JSON, "cannot be read"),
    "a JSON without an end": (lambda p: endless(p / JSON), JSON, "not a regular file"),
    "a JSON that is a pipe": (lambda p: fifo(p / JSON), JSON, "not a regular file"),
    "a coordinate that is no number": (corner("NaN"), JSON, "finite"),
    "an infinite coordinate": (corner("Infinity"), JSON, "finite"),
    "a coordinate as text": (corner('"5"'), JSON, "must be a number"),
    "a coordinate far outside": (corner("1e300"), JSON, "20000"),
    "a point of three numbers": (changed("[200.9, 200.2]", "[1, 2, 3]"), JSON, "segments"),
    "segments that are text": (changed("[[[200.9", '"x", [[[200.9'), JSON, "not JSON"),
    "300 objects": (
        frames_of(*(frame("P07_101", "seq_00001", n, *CROWD) for n in (10, 20))),
        JSON,
        "300 objects; a mask can hold 255",
    ),
    "a sequence that climbs": (changed("P07_101_seq_00001", "../../up"), JSON, "cannot be the name"),
    "a frame that climbs": (changed("P07_101_frame_0000000010.jpg", "../x.jpg"), JSON, "cannot be the name"),
    "a video that is a path": (changed('"video": "P07_101"', '"video": "/etc"'), JSON, "cannot be the name"),
    "a frame twice": (
        frames_of(*(frame("P07_101", "seq_00001", 10, entity("cup", box(1, 1, 9, 9))) for _ in range(2))),
        JSON,
        "twice",
    ),
    "no images": (lambda p: shutil.rmtree(p / "images"), "images", "does not exist"),
    "images of other videos": (
        lambda p: (p / "images/P07_101").rename(p / "images/P99"),
        "images",
        "no frames of 1 of 1 videos",
    ),
    "a missing frame": (lambda p: (p / JPEG).unlink(), "P07_101_frame_0000000010", "No such frame in"),
    "an empty frame": (lambda p: empty(p / JPEG), JPEG, "the file is empty"),
    "a truncated frame": (lambda p: truncate(p / JPEG), JPEG, "truncated"),
    "a frame of text": (lambda p: (p / JPEG).write_text("x"), JPEG, "not an image of type"),
    "a frame of 100,000 x 100,000": (lambda p: bomb(p / JPEG), JPEG, "exceeds limit"),
    "a frame that is a folder": (lambda p: folder(p / JPEG), JPEG, "a folder"),
    "a frame that is a link to itself": (lambda p: loop(p / JPEG), JPEG, "cannot be read"),
    "a frame without an end": (lambda p: endless(p / JPEG), JPEG, "not a regular file"),
    "the output is a file": (lambda p: (p / "out").write_text("x"), "out", "Cannot make the folder"),
    "the output is a link to itself": (lambda p: loop(p / "out"), "out", "cannot be read"),
    "the output has data of unknown origin": (
        lambda p: (p / "out/VISOR_2022/mine").mkdir(parents=True),
        "out/VISOR_2022",
        "exists, but not",
    ),
    "a cut record in the output": (
        lambda p: ((p / "out").mkdir(), (p / "out/prepare_inputs.json").write_text('{"options": ')),
        "out/prepare_inputs.json",
        "cannot be read",
    ),
}


@pytest.mark.parametrize("name", PREPARE)
def test_prepare_refuses(run: Run, tmp_path: Path, name: str) -> None:
    annotations, images = Release.tiny().write_folders(tmp_path)
    spoil, culprit, reason = PREPARE[name]
    spoil(tmp_path)
    refused(
        run, tmp_path, tmp_path / "out", culprit, reason,
        "prepare", "--annotations", annotations, "--images", images, "--output", tmp_path / "out",
        "--split", "val", "--workers", 1,
    )  # fmt: skip
    assert not list(tmp_path.glob("out/VISOR_2022/ImageSets/2022/*"))


def zip_bomb() -> bytes:
    return zipped({"annotations/val/P07_101.json": bytes(64 << 20)})


def deep_bomb() -> bytes:
    return zipped({"annotations/val/all.zip": zipped({"x.zip": bytes(64 << 20)})})


def lying_zip() -> bytes:
    """The directory states another size than the member has."""
    content = zipped({"annotations/val/P07_101.json": b"{}" * 1000}, zipfile.ZIP_STORED)
    place = content.rindex(b"PK\x01\x02") + 24
    return content[:place] + (1 << 31).to_bytes(4, "little") + content[place + 4 :]


RELEASE: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "an empty zip file": (lambda: zipped({}), "release.zip", "no annotations of the split val"),
    "an empty file": (lambda: b"", "release.zip", "not a zip file"),
    "a truncated zip file": (
        lambda: zipped({"annotations/val/P07_101.json": b"{}" * 1000})[:-40],
        "release.zip",
        "not a zip file",
    ),
    "a web page": (lambda: b"<html>", "release.zip", "not a zip file"),
    "a bomb": (zip_bomb, "release.zip/annotations/val/P07_101.json", "would expand from"),
    "a bomb within": (deep_bomb, "release.zip/annotations/val/all.zip/x.zip", "would expand from"),
    "a size that is not true": (lying_zip, "release.zip/annotations/val/P07_101.json", "would expand from 2,000"),
    "names that climb": (
        lambda: zipped({"../../annotations/val/P07_101.json": b"{}"}),
        "release.zip",
        "no annotations of the split val",
    ),
    "an encrypted member": (
        lambda: zipped({"annotations/val/P07_101.json": b"{}"}).replace(
            b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"
        ),
        "release.zip/annotations/val/P07_101.json",
        "encrypted",
    ),
}


@pytest.mark.parametrize("name", RELEASE)
def test_prepare_refuses_a_release(run: Run, tmp_path: Path, name: str) -> None:
    build, culprit, reason = RELEASE[name]
    (tmp_path / "release.zip").write_bytes(build())
    refused(
        run, tmp_path, tmp_path / "out", culprit, reason,
        "prepare", "--annotations", tmp_path / "release.zip", "--images", tmp_path / "release.zip",
        "--output", tmp_path / "out", "--split", "val", "--workers", 1,
    )  # fmt: skip
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("room", [0, 1500, 4000])
def test_prepare_on_a_full_disk_goes_on_when_there_is_room(run: Run, tmp_path: Path, room: int) -> None:
    annotations, images = Release.tiny().write_folders(tmp_path)
    command = (
        "prepare", "--annotations", annotations, "--images", images, "--output", tmp_path / "out",
        "--split", "val", "--workers", 1,
    )  # fmt: skip
    with full_disk(room):
        refused(run, tmp_path, tmp_path / "out", str(tmp_path / "out"), "Cannot write", *command)
    assert run(*command).code == 0
    assert run(*command[:6], tmp_path / "undisturbed", *command[7:]).code == 0
    assert contents(tmp_path / "out/VISOR_2022") == contents(tmp_path / "undisturbed/VISOR_2022")


def test_a_million_points_are_drawn(run: Run, tmp_path: Path) -> None:
    annotations, images = Release.tiny().write_folders(tmp_path)
    polygon = [[number % 1920, number // 1920] for number in range(1_000_000)]
    shapes = {10: polygon, 20: box(1, 1, 9, 9)}
    frames_of(*(frame("P07_101", "seq_00001", n, entity("cup", shape)) for n, shape in shapes.items()))(tmp_path)
    done = run(
        "prepare", "--annotations", annotations, "--images", images, "--output", tmp_path / "out",
        "--split", "val", "--workers", 1,
    )  # fmt: skip
    assert done.code == 0, done.err
