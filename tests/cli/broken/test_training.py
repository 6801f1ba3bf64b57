"""``finetune`` and ``pretrain`` on broken data sets, weights, options and outputs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.builders import write_labels
from tests.cli.broken.harness import (
    Row,
    bomb,
    check,
    empty,
    endless,
    fifo,
    folder,
    loop,
    refused,
    truncate,
    unreadable,
)
from tests.cli.broken.training_input import FRAME, LIST, MASK, command, image, root, written
from tests.conftest import Run, full_disk

__all__ = ["root"]


def replaced(path: str) -> Callable[[Path], object]:
    """A link to weights by another file, so that the shared one stays as it is."""
    return lambda p: (p / path).unlink()


def of_another_network(root: Path) -> None:
    replaced("w.safetensors")(root)
    save_file({"conv1.weight": torch.zeros(3)}, root / "w.safetensors")


WEIGHTS: dict[str, Row] = {
    "no weights": (replaced("w.safetensors"), "w.safetensors", "Weights not found"),
    "empty weights": (lambda p: (replaced("w.safetensors")(p), empty(p / "w.safetensors")), "w.safetensors", "empty"),
    "weights of something else": (of_another_network, "w.safetensors", "must be those of a Space-Time Memory network"),
    "weights that are a web page": (
        lambda p: (replaced("w.safetensors")(p), written("w.safetensors", "<html>")(p)),
        "w.safetensors",
        "cannot be read",
    ),
    "weights that are a pipe": (lambda p: fifo(p / "w.safetensors"), "w.safetensors", "is not a regular file"),
    "weights that are a folder": (lambda p: folder(p / "w.safetensors"), "w.safetensors", "is a folder"),
}
OUTPUT: dict[str, Row] = {
    "the output is a file": (written("out", "x"), "out", "Cannot make the folder"),
    "the output is a link to itself": (lambda p: loop(p / "out"), "out", "Cannot make the folder"),
    "the output holds weights": (
        lambda p: ((p / "out").mkdir(), written("out/last.safetensors", "x")(p)),
        "out",
        "already holds a training run",
    ),
    "the output holds a run": (
        lambda p: ((p / "out/checkpoints").mkdir(parents=True), written("out/checkpoints/000000002.pt", "x")(p)),
        "out",
        "already holds a training run",
    ),
    "a folder in place of the settings": (
        lambda p: (p / "out/settings.yaml").mkdir(parents=True),
        "out/settings.yaml",
        "Cannot write",
    ),
    "a file in place of the checkpoints": (
        lambda p: ((p / "out").mkdir(), written("out/checkpoints", "x")(p)),
        "out/checkpoints",
        "Cannot make the folder",
    ),
    "a file in place of the events": (
        lambda p: ((p / "out").mkdir(), written("out/tensorboard", "x")(p)),
        "out/tensorboard",
        "Cannot start --log-with tensorboard",
    ),
    "a folder in place of the metrics": (
        lambda p: (p / "out/metrics.csv").mkdir(parents=True),
        "out/metrics.csv",
        "Cannot write",
    ),
    "a folder in place of the weights": (
        lambda p: (p / "out/last.safetensors/x").mkdir(parents=True),
        "out",
        "already holds a training run",
    ),
}
FINETUNE: dict[str, Row] = {
    "no data set": (lambda p: shutil.rmtree(p / "data"), "data", "folder not found"),
    "a data set that is a file": (
        lambda p: (shutil.rmtree(p / "data"), written("data", "x")(p)),
        "data",
        "folder not found",
    ),
    "a data set that is a link to itself": (
        lambda p: (shutil.rmtree(p / "data"), loop(p / "data")),
        "data",
        "folder not found",
    ),
    "no frames": (lambda p: shutil.rmtree(p / "data/JPEGImages"), "data", "no folder JPEGImages"),
    "no masks": (lambda p: shutil.rmtree(p / "data/Annotations"), "data", "no folder Annotations"),
    "no list of the split": (lambda p: (p / LIST).unlink(), "data", "no split named train"),
    "two lists of the split": (
        lambda p: shutil.copytree(p / "data/ImageSets/2022", p / "data/ImageSets/2017"),
        "data",
        "several splits",
    ),
    "an empty list": (lambda p: empty(p / LIST), LIST, "names no sequence"),
    "a list that names a video twice": (written(LIST, "video\nvideo"), LIST, "names video twice"),
    "a list of a video that is not there": (written(LIST, "other"), "JPEGImages/480p/other", "cannot be read"),
    "a list that leads up": (written(LIST, "../../etc"), LIST, "cannot be the name"),
    "a list that leads elsewhere": (written(LIST, "/etc"), LIST, "cannot be the name"),
    "a list that commands the terminal": (written(LIST, "\x1b[2J"), LIST, "cannot be the name"),
    "a list that is not UTF-8": (written(LIST, b"\xff\xfe"), LIST, "cannot be read"),
    "a list that is a picture": (lambda p: shutil.copy(p / FRAME, p / LIST), LIST, "cannot be read"),
    "a list without an end": (lambda p: endless(p / LIST), LIST, "not a regular file"),
    "a list that is a pipe": (lambda p: fifo(p / LIST), LIST, "not a regular file"),
    "a frame without a mask": (lambda p: (p / MASK).unlink(), "video", "1 of 3 frames have no mask"),
    "a mask without a frame": (lambda p: (p / FRAME).unlink(), "data/JPEGImages/480p/video", "00001 has no frame"),
    "a video of two frames": (
        lambda p: ((p / FRAME).unlink(), (p / MASK).unlink()),
        "video",
        "a clip needs 3",
    ),
    "an empty frame": (lambda p: empty(p / FRAME), FRAME, "cannot be read"),
    "a truncated frame": (lambda p: truncate(p / FRAME), FRAME, "cannot be read"),
    "a frame of text": (written(FRAME, "x"), FRAME, "cannot be read"),
    "a frame of another size": (image(FRAME, "RGB", (64, 50)), "video", "differ in size"),
    "a 16-bit frame": (image(FRAME, "I;16"), FRAME, "I;16"),
    "a frame of 100,000 x 100,000": (lambda p: bomb(p / FRAME), FRAME, "cannot be read"),
    "a frame that is a folder": (lambda p: folder(p / FRAME), FRAME, "is a folder"),
    "a frame that is a link to itself": (lambda p: loop(p / FRAME), FRAME, "cannot be read"),
    "a frame that cannot be read": (lambda p: unreadable(p / FRAME), FRAME, "cannot be read"),
    "a frame without an end": (lambda p: endless(p / FRAME), FRAME, "not a regular file"),
    "a frame of PostScript, which Pillow would run": (written(FRAME, "%!PS-Adobe"), FRAME, "cannot be read"),
    "an empty mask": (lambda p: empty(p / MASK), MASK, "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / MASK), MASK, "cannot be read"),
    "a mask in colors": (image(MASK, "RGB"), MASK, "mode RGB"),
    "a mask as JPEG": (image(MASK, "L", format="JPEG"), MASK, "got JPEG"),
    "a mask of another shape": (
        lambda p: write_labels(p / MASK, np.ones((96, 64), np.uint8)),
        MASK,
        "64x96",
    ),
    "a mask of 100,000 x 100,000": (lambda p: bomb(p / MASK), MASK, "cannot be read"),
    "a mask that is a link to itself": (lambda p: loop(p / MASK), MASK, "cannot be read"),
    "frames and masks swapped": (
        lambda p: (
            (p / "data/JPEGImages").rename(p / "x"),
            (p / "data/Annotations").rename(p / "data/JPEGImages"),
            (p / "x").rename(p / "data/Annotations"),
        ),
        "Annotations/480p/video/0000",
        "mode RGB",
    ),
    **WEIGHTS,
    **OUTPUT,
}


@pytest.mark.parametrize("name", FINETUNE)
def test_finetune_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = FINETUNE[name]
    given = command(root, "finetune", **({"log_with": ["tensorboard"]} if "events" in name else {}))
    spoil(root)
    refused(run, root, root / "out", culprit, reason, *given)


@pytest.mark.parametrize("name", ["finetune", "pretrain"])
@pytest.mark.parametrize("room", [0, 200])
def test_training_on_a_full_disk(run: Run, root: Path, name: str, room: int) -> None:
    given = command(root, name)
    with full_disk(room):
        refused(run, root, root / "out", str(root / "out"), "Cannot write", *given)


@pytest.mark.parametrize("name", ["finetune", "pretrain"])
def test_weights_of_another_backbone(run: Run, root: Path, name: str) -> None:
    given = command(root, name, backbone="resnet50")
    refused(run, root, root / "out", "w.safetensors", "--backbone must be resnet18", *given)
    assert not (root / "out").exists()


ABSURD: dict[str, list[tuple[str, object]]] = {
    "finetune": [
        ("crop_size", 33),
        ("crop_size", 10**9),
        ("short_side", 0),
        ("clips", 0),
        ("batch_size", 0),
        ("accumulate", "x"),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("lr", -1),
        ("max_objects", 255),
        ("seed", -1),
        ("save_every", 0),
        ("workers", -1),
        ("augmentation", {"flip": 2}),
        ("augmentation", [1]),
        ("backbone", "resnet1"),
        ("outptu", "x"),
    ],
    "pretrain": [
        ("clips", -1),
        ("augmentation", {"scale": [2, 1]}),
        ("augmentation", {"rotation": float("nan")}),
    ],
}


@pytest.mark.parametrize(
    ("name", "option", "value"), [(name, *pair) for name, pairs in ABSURD.items() for pair in pairs]
)
def test_absurd_options(run: Run, root: Path, name: str, option: str, value: object) -> None:
    done = run(*command(root, name, **{option: value}))
    text = " ".join(done.err.split())
    assert (done.code, done.out) == (2, ""), text
    assert option in text
    assert "Traceback" not in text
    assert not (root / "out").exists()


@pytest.mark.parametrize("name", ["finetune", "pretrain"])
def test_more_processes_than_clips_of_a_step(run: Run, root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = command(root, name, batch_size=1)
    monkeypatch.setattr("accelerate.Accelerator.num_processes", 2)
    check(run(*given), "--batch-size x --accumulate", "at least the number of processes, 2, got 1", root)
