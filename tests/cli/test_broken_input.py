"""Broken input of every kind: a sentence that names the culprit, exit code 1, and nothing half done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from tests.builders import write_data_set, write_frames, write_labels
from tests.conftest import Finished, Run
from visorvos.core.datasets.drawn_video import draw_video

FRAMES, MASKS = draw_video(4, 48, 64, seed=5)


def check(done: Finished, culprit: str, reason: str, output: Path) -> None:
    text = " ".join(done.err.split())
    assert done.code == 1, text
    assert "error:" in text
    assert culprit in text
    assert reason in text
    assert "Traceback" not in text
    assert "should not have happened" not in text
    assert done.out == ""
    assert not list(output.parent.rglob("*.part"))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def soften(path: Path) -> None:
    image = Image.fromarray((MASKS[0] == 1).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1))
    image.save(path)


def replace(path: Path, image: Image.Image) -> None:
    image.save(path)


PREDICT: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no frames folder": (lambda p: shutil.rmtree(p / "frames"), "frames", "does not exist"),
    "empty frames folder": (
        lambda p: [file.unlink() for file in (p / "frames").iterdir()],
        "frames",
        "There are no frames",
    ),
    "a video that is none": (
        lambda p: (shutil.rmtree(p / "frames"), (p / "frames").write_text("no video")),
        "frames",
        "cannot be read",
    ),
    "an empty first frame": (lambda p: (p / "frames/00000.png").write_bytes(b""), "00000.png", "cannot be read"),
    "a truncated frame": (lambda p: truncate(p / "frames/00002.png"), "00002.png", "cannot be read"),
    "a frame that is text": (lambda p: (p / "frames/00002.png").write_text("x"), "00002.png", "cannot be read"),
    "a frame that is a folder": (
        lambda p: ((p / "frames/00002.png").unlink(), (p / "frames/00002.png").mkdir()),
        "00002.png",
        "is a folder",
    ),
    "a frame of another size": (
        lambda p: replace(p / "frames/00002.png", Image.new("RGB", (64, 50))),
        "frame 00002",
        "64x50",
    ),
    "a 16-bit frame": (lambda p: replace(p / "frames/00001.png", Image.new("I;16", (64, 48))), "00001.png", "I;16"),
    "a frame twice": (lambda p: replace(p / "frames/00001.jpg", Image.new("RGB", (64, 48))), "00001.jpg", "one name"),
    "no masks folder": (lambda p: shutil.rmtree(p / "masks"), "masks", "does not exist"),
    "empty masks folder": (lambda p: (p / "masks/00000.png").unlink(), "masks", "There are no masks"),
    "an empty mask": (lambda p: (p / "masks/00000.png").write_bytes(b""), "00000.png", "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / "masks/00000.png"), "masks/00000.png", "cannot be read"),
    "an RGB mask": (lambda p: replace(p / "masks/00000.png", Image.new("RGB", (64, 48))), "00000.png", "mode RGB"),
    "an RGBA mask": (lambda p: replace(p / "masks/00000.png", Image.new("RGBA", (64, 48))), "00000.png", "mode RGBA"),
    "a 16-bit mask": (lambda p: replace(p / "masks/00000.png", Image.new("I;16", (64, 48))), "00000.png", "I;16"),
    "a mask inverted by its palette": (
        lambda p: write_labels(
            p / "masks/00000.png", (MASKS[0] == 0).astype(np.uint8), palette=b"\xff" * 3 + bytes(765)
        ),
        "00000.png",
        "shows its background, black, as 1",
    ),
    "a mask as JPEG": (
        lambda p: Image.fromarray(MASKS[0]).save(p / "masks/00000.png", format="JPEG"),
        "00000.png",
        "is a JPEG",
    ),
    "a mask with soft edges": (lambda p: soften(p / "masks/00000.png"), "00000.png", "soft edges"),
    "a mask of another shape": (
        lambda p: write_labels(p / "masks/00000.png", np.ones((96, 128), np.uint8)),
        "00000.png",
        "128x96",
    ),
    "a mask without objects": (
        lambda p: write_labels(p / "masks/00000.png", MASKS[0] * 0),
        "00000.png",
        "shows no object",
    ),
    "a mask of no frame": (lambda p: write_labels(p / "masks/00009.png", MASKS[0]), "00009", "belong to no frame"),
    "a mask in white among ids": (
        lambda p: write_labels(p / "masks/00002.png", (MASKS[0] == 1) * np.uint8(255), mode="L"),
        "00002.png",
        "black and white",
    ),
    "no weights": (lambda p: (p / "w.pth").unlink(), "w.pth", "does not exist"),
    "weights of something else": (
        lambda p: torch.save({"conv1.weight": torch.zeros(3)}, p / "w.pth"),
        "w.pth",
        "not those of a Space-Time Memory network",
    ),
    "truncated weights": (lambda p: truncate(p / "w.pth"), "w.pth", "cannot be read"),
    "the output is a file": (lambda p: (p / "out").write_text("x"), "out", "Cannot make the folder"),
}


@pytest.mark.parametrize("name", PREDICT)
def test_predict_refuses(run: Run, weights: Path, tmp_path: Path, name: str) -> None:
    write_frames(tmp_path / "frames", FRAMES)
    write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    torch.save({"module.x": torch.zeros(1)}, tmp_path / "w.pth")
    spoil, culprit, reason = PREDICT[name]
    about_weights = "weights" in name
    spoil(tmp_path)
    done = run(
        "predict", tmp_path / "frames", "--masks", tmp_path / "masks", "--output", tmp_path / "out", "--size", -1,
        "--weights", tmp_path / "w.pth" if about_weights else weights,
    )  # fmt: skip
    check(done, culprit, reason, tmp_path / "out")


@pytest.mark.parametrize("read", ["frames", "masks"])
def test_predict_does_not_write_over_what_it_reads(run: Run, weights: Path, tmp_path: Path, read: str) -> None:
    frames = write_frames(tmp_path / "frames", FRAMES)
    write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    masks = tmp_path / "masks" if read == "frames" else tmp_path / "masks" / "00000.png"
    done = run("predict", frames, "--masks", masks, "--weights", weights, "--output", tmp_path / "masks" / ".." / read)
    check(done, read, "is read from", tmp_path / "out")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.png")} == before


@pytest.mark.parametrize("save", ["overlay", "video"])
def test_predict_does_not_draw_over_what_it_reads(run: Run, weights: Path, tmp_path: Path, save: str) -> None:
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    done = run("predict", write_frames(tmp_path / "first", FRAMES), "--masks", mask, "--weights", weights,
               "--output", tmp_path / "first-out", "--save", "video", "--size", -1)  # fmt: skip
    assert done.code == 0, done.err
    read = tmp_path / "first-out" / "overlay.mp4"
    if save == "overlay":
        read = write_frames(tmp_path / "first-out" / "overlay", FRAMES, ".jpg")
    before = {path: path.read_bytes() for path in (tmp_path / "first-out").rglob("*.*")}
    again = run("predict", read, "--masks", mask, "--weights", weights, "--output", tmp_path / "first-out",
                "--save", save)  # fmt: skip
    check(again, str(read), "written over", tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "first-out").rglob("*.*")} == before


def test_two_masks_of_one_frame_of_a_video(run: Run, weights: Path, tmp_path: Path) -> None:
    mask = write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    run("predict", write_frames(tmp_path / "frames", FRAMES), "--masks", mask, "--weights", weights,
        "--output", tmp_path / "out", "--save", "video", "--size", -1)  # fmt: skip
    write_labels(tmp_path / "masks" / "0.png", MASKS[0])
    done = run("predict", tmp_path / "out" / "overlay.mp4", "--masks", tmp_path / "masks", "--weights", weights,
               "--output", tmp_path / "again")  # fmt: skip
    check(done, "00000.png and 0.png", "masks of one frame", tmp_path / "again")


def test_frames_that_no_video_can_hold(run: Run, weights: Path, tmp_path: Path) -> None:
    long = np.zeros((1, 17000, 3), np.uint8)
    mask = write_labels(tmp_path / "first.png", np.ones((1, 17000), np.uint8))
    done = run("predict", write_frames(tmp_path / "frames", [long]), "--masks", mask, "--weights", weights,
               "--output", tmp_path / "out", "--save", "video", "--size", -1)  # fmt: skip
    check(done, "overlay.mp4", "cannot be written", tmp_path / "out")
    assert not (tmp_path / "out" / "overlay.mp4").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(run: Run, weights: Path, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", FRAMES)
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    done = run(
        "predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--device", "cuda"
    )
    check(done, "cuda", "no cuda device", tmp_path / "out")


EVALUATE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no data": (lambda p: shutil.rmtree(p / "data"), "data", "is no folder"),
    "no annotations": (lambda p: shutil.rmtree(p / "data/Annotations"), "data", "no folder Annotations"),
    "no lists": (lambda p: shutil.rmtree(p / "data/ImageSets"), "data", "no split named val"),
    "an empty list": (lambda p: (p / "data/ImageSets/2022/val.txt").write_text("\n"), "val.txt", "no sequence"),
    "a list that is not text": (
        lambda p: (p / "data/ImageSets/2022/val.txt").write_bytes(b"\xff\xfe\xfa"),
        "val.txt",
        "cannot be read",
    ),
    "a split of two years": (
        lambda p: shutil.copytree(p / "data/ImageSets/2022", p / "data/ImageSets/2017"),
        "2017/val",
        "several times",
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
        "There are no masks",
    ),
    "no predictions": (lambda p: shutil.rmtree(p / "found"), "found", "not a folder"),
    "no predicted sequence": (lambda p: shutil.rmtree(p / "found/a"), "found/a/00001.png", "3 predicted masks"),
    "a missing prediction": (lambda p: (p / "found/a/00002.png").unlink(), "found/a/00002.png", "1 predicted masks"),
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
    "a mapping of another form": (
        lambda p: (p / "data/val_data_mapping.json").write_text('{"a": ["disc"]}'),
        "val_data_mapping.json",
        "cannot be read",
    ),
}


@pytest.mark.parametrize("name", EVALUATE)
def test_evaluate_refuses(run: Run, tmp_path: Path, name: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    shutil.copytree(data / "Annotations" / "480p", tmp_path / "found")
    spoil, culprit, reason = EVALUATE[name]
    spoil(tmp_path)
    done = run("evaluate", "--data", data, "--predictions", tmp_path / "found", "--output", tmp_path / "out")
    check(done, culprit, reason, tmp_path / "out")
    assert not list(tmp_path.rglob("*.csv"))


def test_an_error_in_a_worker_process_is_the_same_sentence(run: Run, tmp_path: Path) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS), "b": (FRAMES, MASKS)})
    shutil.copytree(data / "Annotations" / "480p", tmp_path / "found")
    truncate(tmp_path / "found/b/00002.png")
    done = run("evaluate", "--data", data, "--predictions", tmp_path / "found", "--workers", 2)
    check(done, "found/b/00002.png", "cannot be read", tmp_path / "out")


RUN: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a missing frame": (lambda p: (p / "JPEGImages/480p/a/00001.png").unlink(), "00001", "has no frame"),
    "a missing mask": (lambda p: (p / "Annotations/480p/a/00001.png").unlink(), "00001", "has no mask"),
    "no images": (lambda p: shutil.rmtree(p / "JPEGImages"), "JPEGImages", "no folder"),
    "a damaged frame": (lambda p: truncate(p / "JPEGImages/480p/a/00002.png"), "00002.png", "cannot be read"),
}


@pytest.mark.parametrize("name", RUN)
def test_evaluate_with_weights_refuses(run: Run, weights: Path, tmp_path: Path, name: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    spoil, culprit, reason = RUN[name]
    spoil(data)
    done = run("evaluate", "--data", data, "--weights", weights, "--output", tmp_path / "out", "--workers", 1)
    check(done, culprit, reason, tmp_path / "out")


@pytest.mark.parametrize("folder", ["Annotations/480p", "Annotations", "JPEGImages", "JPEGImages/480p/a"])
def test_evaluate_does_not_write_among_its_data(run: Run, weights: Path, tmp_path: Path, folder: str) -> None:
    data = write_data_set(tmp_path / "data", {"a": (FRAMES, MASKS)})
    output = data / folder
    before = {path: path.read_bytes() for path in data.rglob("*.png")}
    check(run("evaluate", "--data", data, "--weights", weights, "--output", output), folder, "among", tmp_path / "out")
    assert {path: path.read_bytes() for path in data.rglob("*.png")} == before
