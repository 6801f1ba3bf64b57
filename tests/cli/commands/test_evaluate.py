"""What evaluate says: the table on the terminal, and where it finds predictions under another path or name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.builders import draw_clip, read_labels, write_data_set, write_labels
from tests.conftest import Run

CLIP = draw_clip(3, 48, 64, seed=5)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_set(tmp_path / "data", {"Clip": CLIP})


@pytest.fixture
def masks(data: Path, tmp_path: Path) -> Path:
    return shutil.copytree(data / "Annotations" / "480p", tmp_path / "masks")


def many(tmp_path: Path, sequences: int) -> Path:
    return write_data_set(tmp_path / "many", {f"s{number:02d}": CLIP for number in range(sequences)})


def rows(run: Run, data: Path) -> list[list[str]]:
    """The cells of the table of sequences and objects."""
    done = run("evaluate", "--data", data, "--predictions", data / "Annotations" / "480p", "--num-workers", 1)
    assert done.code == 0, done.err
    table = done.out.split("Sequences, lowest J&F first")[1]
    return [[cell.strip() for cell in line.split("│")[1:3]] for line in table.splitlines() if line.startswith("│")]


def test_objects_are_listed_below_their_sequence_where_all_fit(run: Run, tmp_path: Path) -> None:
    found = rows(run, many(tmp_path, 2))
    assert found == [["s00", ""], ["", "1"], ["", "2"], ["", "3"], ["s01", ""], ["", "1"], ["", "2"], ["", "3"]]


def test_sequences_are_listed_before_any_object_where_not_all_fit(run: Run, tmp_path: Path) -> None:
    assert rows(run, many(tmp_path, 15)) == [[f"s{number:02d}", "3 objects"] for number in range(15)]


def test_sequences_that_are_not_listed_are_counted(run: Run, tmp_path: Path) -> None:
    data = many(tmp_path, 43)
    assert len(rows(run, data)) == 40
    done = run("evaluate", "--data", data, "--predictions", data / "Annotations" / "480p", "--num-workers", 1)
    assert "3 more sequences are not shown." in done.out


MOVED = {
    "one level too high": ("masks", "outer/masks", "outer", "are in outer/masks/Clip: give --predictions outer/masks."),
    "two levels too high": (
        "masks",
        "outer/Annotations/Full-Resolution",
        "outer",
        "are in outer/Annotations/Full-Resolution/Clip: give --predictions outer/Annotations/Full-Resolution.",
    ),
    "one level too low": ("masks", "masks", "masks/Clip", "masks/Clip: give --predictions "),
    "a level below the sequence": (
        "masks/Clip",
        "inner/Clip/masks",
        "inner",
        "are in inner/Clip/masks: move them to inner/Clip.",
    ),
    "another case": ("masks/Clip", "lower/clip", "lower", "are in lower/clip: move them to lower/Clip."),
    "a folder of another case": ("masks", "Masks", "masks", "Folder not found: masks (there is Masks)"),
    "other names": (
        "masks/Clip/00001.png",
        "masks/Clip/1.png",
        "masks",
        "masks/Clip holds 1.png: name predictions as the annotations are named.",
    ),
    "nowhere": ("masks/Clip", "masks/other", "masks", "Name predictions as the annotations are named"),
}


@pytest.mark.parametrize("name", MOVED)
def test_predictions_nearby_are_found(
    run: Run, data: Path, masks: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(masks.parent)
    source, place, given, expected = MOVED[name]
    if place != source:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(source).rename(place)
    if Path(given).is_dir() and "case" in name and Path(given).samefile(place):
        pytest.skip("this file system does not tell upper from lower case")
    done = run("evaluate", "--data", data, "--predictions", given, "--num-workers", 1)
    assert done.code == 1
    assert expected in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("source", "place", "given", "expected"),
    [
        ("Annotations", "annotations", ".", "no folder Annotations. -> Rename annotations to Annotations."),
        ("ImageSets", "Imagesets", ".", "has no ImageSets (but Imagesets): all 1 sequences are used."),
        ("Annotations", "Annotations", "Annotations", "is not a data set"),
        ("Annotations/480p", "Annotations/480p", "Annotations/480p", "-> Give the folder "),
    ],
)
def test_a_data_set_nearby_is_found(
    run: Run, data: Path, masks: Path, source: str, place: str, given: str, expected: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(data)
    Path(source).rename(place)
    done = run("evaluate", "--data", given, "--predictions", masks, "--num-workers", 1)
    assert expected in " ".join(done.err.split())


def test_the_only_resolution_is_taken_and_one_of_several_can_be_chosen(run: Run, data: Path, masks: Path) -> None:
    (data / "Annotations" / "480p").rename(data / "Annotations" / "Full-Resolution")
    (data / "JPEGImages" / "480p").rename(data / "JPEGImages" / "Full-Resolution")
    command = ["evaluate", "--data", data, "--predictions", masks, "--num-workers", 1]
    assert run(*command).code == 0
    shutil.copytree(data / "Annotations" / "Full-Resolution", data / "Annotations" / "720p")
    assert "has several resolutions: 720p, Full-Resolution" in " ".join(run(*command).err.split())
    assert run(*command, "--resolution", "Full-Resolution").code == 0


def spoil(masks: Path, change: object) -> None:
    for path in masks.rglob("*.png"):
        write_labels(path, change(read_labels(path)))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("factor", "code", "expected"),
    [
        (38, 1, r"no predicted id is an id of the ground truth\. Predicted: 38, 76, 114; ground truth: 1, 2, 3\."),
        (0, 0, r"The predicted masks show no object in 1 sequence: Clip\."),
        (1, 0, r"Every predicted mask equals the ground truth in 1 sequence: Clip\."),
    ],
)
def test_predictions_that_cannot_be_meant(
    run: Run, data: Path, masks: Path, factor: int, code: int, expected: str
) -> None:
    spoil(masks, lambda labels: labels * np.uint8(factor))
    done = run("evaluate", "--data", data, "--predictions", masks, "--num-workers", 1)
    assert done.code == code
    assert re.search(expected, " ".join(done.err.split()))


def test_a_warning_is_on_the_terminal_in_the_json_and_on_the_page(
    run: Run, data: Path, masks: Path, tmp_path: Path
) -> None:
    for path in (data / "Annotations" / "480p" / "Clip").iterdir():
        labels = read_labels(path).copy()
        labels[labels == 2] = 0
        write_labels(path, labels)
    output = tmp_path / "scores"
    done = run("evaluate", "--data", data, "--predictions", masks, "--output", output, "--num-workers", 1)
    expected = "Shown by no ground-truth mask, and scored 1 in every frame where nothing is predicted: 1 object"
    assert f"Warning: {expected}" in " ".join(done.err.split())
    assert expected in (output / "scores-val.json").read_text()
    assert expected in (output / "report.html").read_text()
