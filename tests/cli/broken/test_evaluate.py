from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import draw_clip, write_data_set, write_labels
from tests.cli.broken.harness import (
    Row,
    bomb,
    check,
    empty,
    endless,
    folder,
    loop,
    refused,
    truncate,
    unreadable,
)
from tests.conftest import Run, full_disk

FRAMES, MASKS = draw_clip(4, 48, 64, seed=5)


def replace(path: Path, image: Image.Image) -> None:
    image.save(path)


EVALUATE: dict[str, Row] = {
    "no data": (lambda p: shutil.rmtree(p / "data"), "data", "folder not found"),
    "no annotations": (lambda p: shutil.rmtree(p / "data/Annotations"), "data", "no folder Annotations"),
    "an empty list": (lambda p: (p / "data/ImageSets/2022/val.txt").write_text("\n"), "val.txt", "no sequence"),
    "a list that is not text": (
        lambda p: (p / "data/ImageSets/2022/val.txt").write_bytes(b"\xff\xfe\xfa"),
        "val.txt",
        "cannot be read",
    ),
    "a split of two years": (
        lambda p: shutil.copytree(p / "data/ImageSets/2022", p / "data/ImageSets/2017"),
        "2017/val",
        "several splits",
    ),
    "a name that climbs": (
        lambda p: (p / "data/ImageSets/2022/val.txt").write_text("../../etc"),
        "../../etc",
        "cannot be the name",
    ),
    "a sequence twice": (lambda p: (p / "data/ImageSets/2022/val.txt").write_text("a\na"), "a", "twice"),
    "a sequence that is not there": (
        lambda p: (p / "data/ImageSets/2022/val.txt").write_text("a\nb"),
        "480p/b",
        "cannot be read",
    ),
    "no truth": (
        lambda p: [file.unlink() for file in (p / "data/Annotations/480p/a").iterdir()],
        "480p/a",
        "No masks in",
    ),
    "no predictions": (lambda p: shutil.rmtree(p / "found"), "found", "Folder not found"),
    "no predicted sequence": (lambda p: shutil.rmtree(p / "found/a"), "found/a/00001.png", "3 predicted masks"),
    "a missing prediction": (
        lambda p: (p / "found/a/00002.png").unlink(),
        "found/a/00002.png",
        "1 predicted mask is",
    ),
    "a truncated prediction": (lambda p: truncate(p / "found/a/00002.png"), "found/a/00002.png", "cannot be read"),
    "an RGB prediction": (
        lambda p: replace(p / "found/a/00002.png", Image.new("RGB", (64, 48))),
        "found/a/00002.png",
        "mode RGB",
    ),
    "a prediction of another size": (
        lambda p: write_labels(p / "found/a/00002.png", np.ones((47, 64), np.uint8)),
        "00002",
        "(47, 64)",
    ),
    "a black-and-white prediction of three objects": (
        lambda p: write_labels(p / "found/a/00002.png", np.full((48, 64), 255, np.uint8), mode="L"),
        "found/a/00002.png",
        "3 objects",
    ),
    "a cut mapping": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": {"1": '),
        "val_data_mapping.json",
        "cannot be read",
    ),
    "a mapping that is not UTF-8": (
        lambda p: (p / "data/val_data_mapping.json").write_bytes(b'{"a": {"1": "\xff"}}'),
        "val_data_mapping.json",
        "cannot be read",
    ),
    "a mapping nested deep": (
        lambda p: (p / "data/val_data_mapping.json").write_text("[" * 200_000),
        "val_data_mapping.json",
        "cannot be read",
    ),
    "a mapping with a word for an id": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": {"one": "disc"}}'),
        "val_data_mapping.json",
        "must be a whole number",
    ),
    "a mapping with a number of 5,000 digits": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": {"' + "1" * 5000 + '": "disc"}}'),
        "val_data_mapping.json",
        "exceeded maximum size",
    ),
    "a mapping with a list for a name": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": {"1": ["disc"]}}'),
        "val_data_mapping.json",
        "must be text",
    ),
    "a mapping that cannot be read": (
        lambda p: unreadable(p / "data/val_data_mapping.json"),
        "val_data_mapping.json",
        "cannot be read",
    ),
    "a list that is a folder": (
        lambda p: folder(p / "data/ImageSets/2022/val.txt"),
        "data/ImageSets/2022/val.txt",
        "cannot be read",
    ),
    "a list without an end": (
        lambda p: endless(p / "data/ImageSets/2022/val.txt"),
        "data/ImageSets/2022/val.txt",
        "cannot be read",
    ),
    "a list that is a link to itself": (
        lambda p: loop(p / "data/ImageSets/2022/val.txt"),
        "data/ImageSets/2022/val.txt",
        "cannot be read",
    ),
    "a list of escape codes": (
        lambda p: (p / "data/ImageSets/2022/val.txt").write_text("\x1b[2Ja"),
        "data/ImageSets/2022/val.txt",
        "cannot be the name",
    ),
    "a prediction of 100,000 x 100,000": (
        lambda p: bomb(p / "found/a/00002.png"),
        "found/a/00002.png",
        "cannot be read",
    ),
    "an empty prediction": (lambda p: empty(p / "found/a/00002.png"), "found/a/00002.png", "cannot be read"),
    "a prediction that is a link to itself": (
        lambda p: loop(p / "found/a/00002.png"),
        "found/a/00002.png",
        "cannot be read",
    ),
    "a prediction that cannot be read": (
        lambda p: unreadable(p / "found/a/00002.png"),
        "found/a/00002.png",
        "cannot be read",
    ),
    "a prediction that is a folder": (
        lambda p: folder(p / "found/a/00002.png"),
        "found/a/00002.png",
        "is a folder",
    ),
    "a prediction that is a frame": (
        lambda p: shutil.copy(p / "data/JPEGImages/480p/a/00002.png", p / "found/a/00002.png"),
        "found/a/00002.png",
        "mode RGB",
    ),
    "a truncated true mask": (
        lambda p: truncate(p / "data/Annotations/480p/a/00000.png"),
        "Annotations/480p/a/00000.png",
        "cannot be read",
    ),
    "names that do not match": (
        lambda p: (p / "found/a/00002.png").rename(p / "found/a/frame2.png"),
        "found/a/00002.png",
        "1 predicted mask is",
    ),
    "data that is a file": (
        lambda p: (shutil.rmtree(p / "data"), (p / "data").write_text("x")),
        "data",
        "folder not found",
    ),
    "the output is a file": (lambda p: (p / "out").write_text("x"), "out", "Cannot make the folder"),
    "a table of the output is a folder": (
        lambda p: (p / "out/global_results-val.csv").mkdir(parents=True),
        "out/global_results-val.csv",
        "Cannot write",
    ),
    "a mapping of another form": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": ["disc"]}'),
        "val_data_mapping.json",
        "must be an object",
    ),
}


@pytest.mark.parametrize("name", EVALUATE)
def test_evaluate_refuses(run: Run, tmp_path: Path, name: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    shutil.copytree(data / "Annotations" / "480p", tmp_path / "found")
    spoil, culprit, reason = EVALUATE[name]
    spoil(tmp_path)
    refused(
        run, tmp_path, tmp_path / "out", culprit, reason,
        "evaluate", "--data", data, "--predictions", tmp_path / "found", "--output", tmp_path / "out",
    )  # fmt: skip
    assert not [path for path in tmp_path.rglob("*.csv") if path.is_file()]


@pytest.mark.parametrize(("room", "culprit"), [(0, "out/settings.yaml"), (500, "out/scores-val.json")])
def test_evaluate_on_a_full_disk(run: Run, tmp_path: Path, room: int, culprit: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    with full_disk(room):
        refused(
            run, tmp_path, tmp_path / "out", culprit, "Cannot write",
            "evaluate", "--data", data, "--predictions", data / "Annotations/480p", "--output", tmp_path / "out",
            "--workers", 1,
        )  # fmt: skip


def test_an_error_in_a_worker_process_is_the_same_sentence(run: Run, tmp_path: Path) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS), "b": (FRAMES, MASKS)})
    shutil.copytree(data / "Annotations" / "480p", tmp_path / "found")
    truncate(tmp_path / "found/b/00002.png")
    done = run("evaluate", "--data", data, "--predictions", tmp_path / "found", "--workers", 2)
    check(done, "found/b/00002.png", "cannot be read", tmp_path)


RUN: dict[str, Row] = {
    "a missing frame": (lambda p: (p / "JPEGImages/480p/a/00001.png").unlink(), "00001", "has no frame"),
    "no images": (lambda p: shutil.rmtree(p / "JPEGImages"), "JPEGImages", "no folder"),
    "a damaged frame": (lambda p: truncate(p / "JPEGImages/480p/a/00002.png"), "00002.png", "cannot be read"),
}


@pytest.mark.parametrize("name", RUN)
def test_evaluate_with_weights_refuses(run: Run, weights: Path, tmp_path: Path, name: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    spoil, culprit, reason = RUN[name]
    spoil(data)
    done = run("evaluate", "--data", data, "--weights", weights, "--output", tmp_path / "out", "--workers", 1)
    check(done, culprit, reason, tmp_path)


@pytest.mark.parametrize("folder", ["Annotations/480p", "Annotations", "JPEGImages", "JPEGImages/480p/a"])
def test_evaluate_does_not_write_among_its_data(run: Run, weights: Path, tmp_path: Path, folder: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    output = data / folder
    before = {path: path.read_bytes() for path in data.rglob("*.png")}
    check(
        run("evaluate", "--data", data, "--weights", weights, "--output", output),
        folder,
        "must not be inside",
        tmp_path,
    )
    assert {path: path.read_bytes() for path in data.rglob("*.png")} == before


def test_object_names_do_not_command_the_terminal(run: Run, tmp_path: Path) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    (data / "val_data_mapping.json").write_text('{"a": {"1": "\\u001b[2J[red]"}}')
    done = run("evaluate", "--data", data, "--predictions", data / "Annotations" / "480p", "--workers", 1)
    assert done.code == 0, done.err
    assert "\x1b" not in done.out
    assert "\\x1b[2J[red]" in done.out
