from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import write_labels
from tests.cli.broken.harness import Row, bomb, empty, endless, folder, loop, refused, truncate, unreadable
from tests.conftest import Run, full_disk
from tests.visor_builders import Release, zipped
from visorvos.core.jobs.export import export
from visorvos.core.jobs.prepare import prepare
from visorvos.settings.export import ExportSettings
from visorvos.settings.prepare import PrepareSettings

SEQUENCE = "P07_101_seq_00001"
NAMES, LIST = "VISOR_2022/val_data_mapping.json", "VISOR_2022/ImageSets/2022/val.txt"
FOUND = f"found/{SEQUENCE}/P07_101_frame_0000000020.png"
MASK = f"VISOR_2022/Annotations/480p/{SEQUENCE}/P07_101_frame_0000000020.png"
JPEG = f"VISOR_2022/JPEGImages/480p/{SEQUENCE}/P07_101_frame_0000000020.jpg"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny release, prepared, predicted without a fault, and exported."""
    root = tmp_path_factory.mktemp("release")
    annotations, images = Release.tiny().write_folders(root)
    prepare(PrepareSettings(annotations=annotations, images=images, output=root, split=("val",), num_workers=1))
    data = root / "VISOR_2022"
    shutil.copytree(data / "Annotations" / "480p", root / "found")
    export(ExportSettings(predictions=root / "found", data=data, output=root / "good.zip"))
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A copy to be broken."""
    for name in ("VISOR_2022", "found"):
        shutil.copytree(prepared / name, tmp_path / name)
    shutil.copy(prepared / "good.zip", tmp_path / "good.zip")
    return tmp_path


EXPORT: dict[str, Row] = {
    "no predictions": (lambda p: shutil.rmtree(p / "found"), "found", "not found"),
    "no sequence": (lambda p: (shutil.rmtree(p / "found"), (p / "found").mkdir()), "found", "No sequences"),
    "an empty mask": (lambda p: empty(p / FOUND), FOUND, "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / FOUND), FOUND, "cannot be read"),
    "a mask of 100,000 x 100,000": (lambda p: bomb(p / FOUND), FOUND, "cannot be read"),
    "a mask in colors": (lambda p: Image.new("RGB", (854, 480)).save(p / FOUND), FOUND, "mode RGB"),
    "a mask of another size": (
        lambda p: write_labels(p / FOUND, np.ones((10, 10), np.uint8)),
        "P07_101_frame_0000000020 is 10x10",
        "not 854x480",
    ),
    "an id without a name": (
        lambda p: write_labels(p / FOUND, np.full((480, 854), 9, np.uint8)),
        "P07_101_frame_0000000020",
        "shows the id 9",
    ),
    "a mask that is a folder": (lambda p: folder(p / FOUND), FOUND, "is a folder"),
    "a mask that is a link to itself": (lambda p: loop(p / FOUND), FOUND, "cannot be read"),
    "a mask that cannot be read": (lambda p: unreadable(p / FOUND), FOUND, "cannot be read"),
    "a frame in place of a mask": (
        lambda p: (p / FOUND).write_bytes((p / JPEG).read_bytes()),
        FOUND,
        "got JPEG",
    ),
    "a missing mask": (lambda p: (p / FOUND).unlink(), "P07_101_frame_0000000020", "is missing"),
    "a mask too many": (
        lambda p: shutil.copy(p / FOUND, (p / FOUND).with_name("x.png")),
        f"{SEQUENCE}/x",
        "is not in the data set",
    ),
    "no names": (lambda p: (p / NAMES).unlink(), "VISOR_2022", "has no val_data_mapping.json"),
    "cut names": (lambda p: truncate(p / NAMES), NAMES, "cannot be read"),
    "names of another form": (lambda p: (p / NAMES).write_text("[1, 2]"), NAMES, "must be an object"),
    "names that are not UTF-8": (lambda p: (p / NAMES).write_bytes(b'{"\xff": {}}'), NAMES, "cannot be read"),
    "names that are a link to themselves": (lambda p: loop(p / NAMES), "VISOR_2022", "has no val_data_mapping"),
    "no data": (lambda p: shutil.rmtree(p / "VISOR_2022"), "VISOR_2022", "folder not found"),
    "an empty list": (lambda p: empty(p / LIST), LIST, "no sequence"),
    "a list without an end": (lambda p: endless(p / LIST), LIST, "not a regular file"),
    "the output is a folder": (lambda p: (p / "out.zip").mkdir(), "out.zip", "Cannot write"),
}


@pytest.mark.parametrize("name", EXPORT)
def test_export_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = EXPORT[name]
    spoil(root)
    refused(
        run, root, root / "out.zip", culprit, reason,
        "export", root / "found", "--data", root / "VISOR_2022", "--output", root / "out.zip",
    )  # fmt: skip
    assert not (root / "out.zip").is_file()


@pytest.mark.parametrize("output", ["good.zip/x.zip", "loop/x.zip"])
def test_export_cannot_write(run: Run, root: Path, output: str) -> None:
    loop(root / "loop")
    refused(
        run, root, root / "x.zip", output.split("/")[0], "Cannot make the folder",
        "export", root / "found", "--data", root / "VISOR_2022", "--output", root / output,
    )  # fmt: skip


def test_export_on_a_full_disk_leaves_the_submission_of_before(run: Run, root: Path) -> None:
    before = (root / "good.zip").read_bytes()
    with full_disk(200):
        refused(
            run, root, root / "x", str(root / "good.zip"), "Cannot write",
            "export", root / "found", "--data", root / "VISOR_2022", "--output", root / "good.zip",
        )  # fmt: skip
    assert (root / "good.zip").read_bytes() == before


def submission(change: Callable[[str], str]) -> Callable[[Path], object]:
    """The good submission with its JSON changed."""

    def write(p: Path) -> None:
        with zipfile.ZipFile(p / "good.zip") as archive:
            text = archive.read("val.json").decode()
        assert change(text) != text
        (p / "good.zip").write_bytes(zipped({"val.json": change(text).encode()}))

    return write


def first_point(value: str) -> Callable[[Path], object]:
    def change(text: str) -> str:
        start = text.index('"segments": [[[') + len('"segments": [[[')
        return text[:start] + value + text[text.index(",", start) :]

    return submission(change)


INNER = "good.zip/val.json"
CHECK: dict[str, Row] = {
    "nothing there": (lambda p: (p / "good.zip").unlink(), "good.zip", "does not exist"),
    "an empty file": (lambda p: empty(p / "good.zip"), "good.zip", "not a zip file"),
    "a truncated file": (lambda p: truncate(p / "good.zip"), "good.zip", "not a zip file"),
    "a folder": (lambda p: folder(p / "good.zip"), "good.zip", "cannot be read"),
    "a link to itself": (lambda p: loop(p / "good.zip"), "good.zip", "cannot be read"),
    "an empty zip file": (lambda p: (p / "good.zip").write_bytes(zipped({})), "good.zip", "got nothing"),
    "two files": (
        lambda p: (p / "good.zip").write_bytes(zipped({"a.json": b"", "b.json": b""})),
        "good.zip",
        "a.json, b.json",
    ),
    "a file that climbs": (
        lambda p: (p / "good.zip").write_bytes(zipped({"../a.json": b"{}"})),
        "good.zip",
        "not in a folder",
    ),
    "a bomb": (lambda p: (p / "good.zip").write_bytes(zipped({"val.json": bytes(64 << 20)})), INNER, "would expand"),
    "a cut JSON": (submission(lambda text: text[: len(text) // 2]), INNER, "not JSON"),
    "a coordinate that is no number": (first_point("NaN"), INNER, "finite"),
    "a coordinate outside": (first_point("900"), "good.zip", "points outside 854x480"),
    "a coordinate as text": (first_point('"5"'), INNER, "must be a number"),
    "another resolution": (
        submission(lambda text: text.replace("854x480", "1920x1080")),
        "good.zip",
        '"Resolution" must be',
    ),
    "a sequence that climbs": (submission(lambda text: text.replace(SEQUENCE, "../up")), INNER, "cannot be the name"),
    "a sequence of escape codes": (submission(lambda text: text.replace(SEQUENCE, "\\u001b[2J")), INNER, "cannot be"),
    "an object of another name": (
        submission(lambda text: text.replace('"name": "cup"', '"name": "saucer"')),
        "good.zip",
        "the object saucer",
    ),
    "a frame less": (
        submission(lambda text: text[: text.index(', {"image"')] + "]}"),
        "good.zip",
        "is missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECK)
def test_a_submission_is_refused(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = CHECK[name]
    spoil(root)
    refused(
        run, root, root / "out", culprit, reason, "export", "--check", root / "good.zip", "--data", root / "VISOR_2022"
    )


PREVIEW: dict[str, Row] = {
    "no data": (lambda p: shutil.rmtree(p / "VISOR_2022"), "VISOR_2022", "folder not found"),
    "no list": (lambda p: (p / LIST).unlink(), "VISOR_2022", "no split named val"),
    "a list that is not text": (lambda p: (p / LIST).write_bytes(b"\xff\xfe\xfa"), LIST, "cannot be read"),
    "a name that climbs": (lambda p: (p / LIST).write_text("../../etc"), LIST, "cannot be the name"),
    "a missing sequence": (lambda p: (p / LIST).write_text("b"), "480p/b", "cannot be read"),
    "cut names": (lambda p: truncate(p / NAMES), NAMES, "cannot be read"),
    "a missing frame": (lambda p: (p / JPEG).unlink(), "P07_101_frame_0000000020", "has no frame"),
    "a truncated frame": (lambda p: truncate(p / JPEG), JPEG, "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / MASK), MASK, "cannot be read"),
    "a mask of another size": (lambda p: write_labels(p / MASK, np.ones((9, 9), np.uint8)), MASK, "got 9x9"),
    "a frame of 100,000 x 100,000": (lambda p: bomb(p / JPEG), JPEG, "cannot be read"),
    "a frame that is a link to itself": (lambda p: loop(p / JPEG), JPEG, "cannot be read"),
    "a mask without an end": (lambda p: endless(p / MASK), MASK, "not a regular file"),
    "frame and mask swapped": (
        lambda p: (p / MASK).write_bytes((p / JPEG).read_bytes()),
        MASK,
        "got JPEG",
    ),
    "the output is a folder": (lambda p: (p / "out.jpg").mkdir(), "out.jpg", "Cannot write"),
}


@pytest.mark.parametrize("name", PREVIEW)
def test_preview_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = PREVIEW[name]
    spoil(root)
    refused(
        run, root, root / "out.jpg", culprit, reason,
        "preview", "--data", root / "VISOR_2022", "--split", "val", "--output", root / "out.jpg",
    )  # fmt: skip
    assert not (root / "out.jpg").is_file()


def test_preview_on_a_full_disk(run: Run, root: Path) -> None:
    with full_disk(500):
        refused(
            run, root, root / "x", "out.jpg", "Cannot write",
            "preview", "--data", root / "VISOR_2022", "--split", "val", "--output", root / "out.jpg",
        )  # fmt: skip
    assert not (root / "out.jpg").exists()
