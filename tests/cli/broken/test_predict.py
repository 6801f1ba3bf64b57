from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from tests.builders import draw_clip, write_frames, write_labels
from tests.cli.broken.harness import (
    Row,
    bomb,
    check,
    empty,
    endless,
    fifo,
    folder,
    large,
    loop,
    refused,
    truncate,
    unreadable,
)
from tests.conftest import Run, full_disk

FRAMES, MASKS = draw_clip(4, 48, 64, seed=5)


def soften(path: Path) -> None:
    image = Image.fromarray((MASKS[0] == 1).astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(1))
    image.save(path)


def replace(path: Path, image: Image.Image) -> None:
    image.save(path)


PREDICT: dict[str, Row] = {
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
    "a frame twice": (lambda p: replace(p / "frames/00001.jpg", Image.new("RGB", (64, 48))), "00001.jpg", "holds both"),
    "no masks folder": (lambda p: shutil.rmtree(p / "masks"), "masks", "Masks not found"),
    "empty masks folder": (lambda p: (p / "masks/00000.png").unlink(), "masks", "There are no masks"),
    "an empty mask": (lambda p: (p / "masks/00000.png").write_bytes(b""), "00000.png", "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / "masks/00000.png"), "masks/00000.png", "cannot be read"),
    "an RGB mask": (lambda p: replace(p / "masks/00000.png", Image.new("RGB", (64, 48))), "00000.png", "mode RGB"),
    "an RGBA mask": (lambda p: replace(p / "masks/00000.png", Image.new("RGBA", (64, 48))), "00000.png", "mode RGBA"),
    "a mask inverted by its palette": (
        lambda p: write_labels(
            p / "masks/00000.png", (MASKS[0] == 0).astype(np.uint8), palette=b"\xff" * 3 + bytes(765)
        ),
        "00000.png",
        "must use 0 for the background, got 1",
    ),
    "a mask as JPEG": (
        lambda p: Image.fromarray(MASKS[0]).save(p / "masks/00000.png", format="JPEG"),
        "00000.png",
        "got JPEG",
    ),
    "a mask with soft edges": (lambda p: soften(p / "masks/00000.png"), "00000.png", "blurred edges"),
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
    "no weights": (lambda p: (p / "w.pth").unlink(), "w.pth", "Weights not found"),
    "weights of something else": (
        lambda p: torch.save({"conv1.weight": torch.zeros(3)}, p / "w.pth"),
        "w.pth",
        "must be those of a Space-Time Memory network",
    ),
    "truncated weights": (lambda p: truncate(p / "w.pth"), "w.pth", "cannot be read"),
    "weights that are a folder": (lambda p: folder(p / "w.pth"), "w.pth", "is a folder"),
    "empty weights": (lambda p: empty(p / "w.pth"), "w.pth", "the file is empty"),
    "weights that are a web page": (lambda p: (p / "w.pth").write_text("<html>"), "w.pth", "cannot be read"),
    "weights that are a link to itself": (lambda p: loop(p / "w.pth"), "w.pth", "Weights not found"),
    "weights without an end": (lambda p: endless(p / "w.pth"), "w.pth", "is not a regular file"),
    "weights that are a pipe": (lambda p: fifo(p / "w.pth"), "w.pth", "is not a regular file"),
    "weights of five gigabytes": (lambda p: large(p / "w.pth"), "w.pth", "cannot be read"),
    "weights and mask swapped": (lambda p: shutil.copy(p / "masks/00000.png", p / "w.pth"), "w.pth", "cannot be read"),
    "a frame of 100,000 x 100,000": (lambda p: bomb(p / "frames/00002.png"), "frames/00002.png", "cannot be read"),
    "a frame that is a link to itself": (lambda p: loop(p / "frames/00002.png"), "frames/00002.png", "cannot be read"),
    "a frame that cannot be read": (lambda p: unreadable(p / "frames/00002.png"), "frames/00002.png", "cannot be read"),
    "a frame without an end": (lambda p: endless(p / "frames/00002.png"), "frames/00002.png", "not a regular file"),
    "a frame that is a pipe": (lambda p: fifo(p / "frames/00000.png"), "frames/00000.png", "not a regular file"),
    "frames of another video format": (
        lambda p: (shutil.rmtree(p / "frames"), (p / "frames").write_bytes(b"RIFF\0\0\0\0AVI LIST")),
        "frames",
        "cannot be read",
    ),
    "frames that are a link to themselves": (
        lambda p: (shutil.rmtree(p / "frames"), loop(p / "frames")),
        "frames",
        "does not exist",
    ),
    "frames that are a video without an end": (
        lambda p: (shutil.rmtree(p / "frames"), endless(p / "frames")),
        "frames",
        "does not exist",
    ),
    "a mask of 100,000 x 100,000": (lambda p: bomb(p / "masks/00000.png"), "masks/00000.png", "cannot be read"),
    "a mask of PostScript, which Pillow would run": (
        lambda p: Image.fromarray(MASKS[0]).save(p / "masks/00000.png", format="EPS"),
        "masks/00000.png",
        "not an image of type",
    ),
    "a frame of PostScript, which Pillow would run": (
        lambda p: Image.fromarray(FRAMES[2]).save(p / "frames/00002.png", format="EPS"),
        "frames/00002.png",
        "not an image of type",
    ),
    "a mask that is a folder": (lambda p: folder(p / "masks/00000.png"), "masks/00000.png", "is a folder"),
    "a mask that is a link to itself": (lambda p: loop(p / "masks/00000.png"), "masks/00000.png", "cannot be read"),
    "a mask that cannot be read": (lambda p: unreadable(p / "masks/00000.png"), "masks/00000.png", "cannot be read"),
    "a mask of 300 objects": (
        lambda p: Image.fromarray(np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) % 300).save(
            p / "masks/00000.png"
        ),
        "masks/00000.png",
        "must hold ids 0 to 255, got 299",
    ),
    "the output is a file": (lambda p: (p / "out").write_text("x"), "out", "Cannot make the folder"),
    "the output is a link to itself": (lambda p: loop(p / "out"), "out", "Cannot make the folder"),
    "a mask of the output is a folder": (
        lambda p: (p / "out/00001.png").mkdir(parents=True),
        "out/00001.png",
        "Cannot write",
    ),
    "the settings of the output are a folder": (
        lambda p: (p / "out/settings.yaml").mkdir(parents=True),
        "out/settings.yaml",
        "Cannot write",
    ),
    "the state of the output is a folder": (
        lambda p: (p / "out/.predict.pt").mkdir(parents=True),
        "out/.predict.pt",
        ".predict.pt: ",  # then what the system says: a folder is not removed like a file
    ),
}


@pytest.mark.parametrize("name", PREDICT)
def test_predict_refuses(run: Run, weights: Path, tmp_path: Path, name: str) -> None:
    write_frames(tmp_path / "frames", FRAMES)
    write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    torch.save({"module.x": torch.zeros(1)}, tmp_path / "w.pth")
    spoil, culprit, reason = PREDICT[name]
    about_weights = "weights" in name
    spoil(tmp_path)
    refused(
        run, tmp_path, tmp_path / "out", culprit, reason,
        "predict", tmp_path / "frames", "--masks", tmp_path / "masks", "--output", tmp_path / "out", "--size", -1,
        "--weights", tmp_path / "w.pth" if about_weights else weights,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("room", "culprit"), [(0, "out/settings.yaml"), (1500, "out/.predict.pt"), (6000, "out/overlay")]
)
def test_predict_on_a_full_disk(run: Run, weights: Path, tmp_path: Path, room: int, culprit: str) -> None:
    frames = write_frames(tmp_path / "frames", [frame.repeat(4, axis=0).repeat(4, axis=1) for frame in FRAMES])
    mask = write_labels(tmp_path / "first.png", MASKS[0].repeat(4, axis=0).repeat(4, axis=1))
    with full_disk(room):
        refused(
            run, tmp_path, tmp_path / "out", culprit, "Cannot write",
            "predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", 48,
            "--save", "overlay", "--save", "video",
        )  # fmt: skip


def test_predict_cannot_write_where_the_system_does_not_let_it(run: Run, weights: Path, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", FRAMES)
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    output = Path("/proc/visorvos")
    refused(
        run, tmp_path, output, str(output), "Cannot make the folder",
        "predict", frames, "--masks", mask, "--weights", weights, "--output", output,
    )  # fmt: skip


@pytest.mark.parametrize("read", ["frames", "masks"])
def test_predict_does_not_write_over_what_it_reads(run: Run, weights: Path, tmp_path: Path, read: str) -> None:
    frames = write_frames(tmp_path / "frames", FRAMES)
    write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    masks = tmp_path / "masks" if read == "frames" else tmp_path / "masks" / "00000.png"
    done = run("predict", frames, "--masks", masks, "--weights", weights, "--output", tmp_path / "masks" / ".." / read)
    check(done, read, "is read from", tmp_path)
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
    check(again, str(read), "overwritten", tmp_path)
    assert {path: path.read_bytes() for path in (tmp_path / "first-out").rglob("*.*")} == before


def test_two_masks_of_one_frame_of_a_video(run: Run, weights: Path, tmp_path: Path) -> None:
    mask = write_labels(tmp_path / "masks" / "00000.png", MASKS[0])
    run("predict", write_frames(tmp_path / "frames", FRAMES), "--masks", mask, "--weights", weights,
        "--output", tmp_path / "out", "--save", "video", "--size", -1)  # fmt: skip
    write_labels(tmp_path / "masks" / "0.png", MASKS[0])
    done = run("predict", tmp_path / "out" / "overlay.mp4", "--masks", tmp_path / "masks", "--weights", weights,
               "--output", tmp_path / "again")  # fmt: skip
    check(done, "00000.png and 0.png", "masks of one frame", tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(run: Run, weights: Path, tmp_path: Path) -> None:
    frames = write_frames(tmp_path / "frames", FRAMES)
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    done = run(
        "predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--device", "cuda"
    )
    check(done, "cuda", "no cuda device", tmp_path)


def test_a_truncated_video(run: Run, weights: Path, tmp_path: Path) -> None:
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    common = ("--masks", mask, "--weights", weights, "--size", -1)
    run("predict", write_frames(tmp_path / "frames", FRAMES), *common, "--output", tmp_path / "a", "--save", "video")
    truncate(tmp_path / "a" / "overlay.mp4")
    refused(
        run, tmp_path, tmp_path / "out", "a/overlay.mp4", "cannot be read",
        "predict", tmp_path / "a" / "overlay.mp4", *common, "--output", tmp_path / "out",
    )  # fmt: skip


def test_names_do_not_command_the_terminal(run: Run, weights: Path, tmp_path: Path) -> None:
    mask = write_labels(tmp_path / "first.png", MASKS[0])
    frames = write_frames(tmp_path / "frames", FRAMES)
    (frames / "\x1b[2J.png").write_text("x")
    done = run("predict", frames, "--masks", mask, "--weights", weights, "--output", tmp_path / "out", "--size", -1)
    check(done, "\\x1b[2J.png", "cannot be read", tmp_path)
    assert "\x1b" not in done.err
