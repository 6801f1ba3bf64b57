"""``finetune`` and ``pretrain`` on broken data sets, weights and outputs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from tests.builders import write_data_set, write_labels
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
from tests.coco_builders import annotation, picture, square, write_coco
from tests.conftest import Run, full_disk
from tests.training_runs import SMALL, squares
from visorvos.core.files.coco_index import open_coco

FRAME = "data/JPEGImages/480p/video/00001.png"
MASK = "data/Annotations/480p/video/00001.png"
LIST = "data/ImageSets/2022/train.txt"


@pytest.fixture
def root(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A video of three frames, every one of which a clip needs; two images with an object each; weights."""
    monkeypatch.setenv("VISORVOS_HOME", str(tmp_path / "home"))
    (tmp_path / "home/coco").mkdir(parents=True)
    frames, masks = squares(0)
    write_data_set(tmp_path / "data", {"video": (frames[:3], masks[:3])})
    (tmp_path / "data/ImageSets/2022/train.txt").write_text("video")
    shapes = [annotation(index, index, square(5, 5, 30)) for index in (1, 2)]
    write_coco(tmp_path / "coco", [picture(1, 48, 64), picture(2, 48, 64)], shapes)
    open_coco(tmp_path / "coco")  # the index is meant to be written beside the JSON
    (tmp_path / "w.safetensors").symlink_to(weights)
    return tmp_path


def command(root: Path, name: str, **changed: object) -> list[object]:
    config = root / "c.yaml"
    small = {**SMALL, "iterations": 2, "evaluate_every": 0}
    if name == "pretrain":
        small["augmentation"] = {"least_own": 60, "least_pasted_box": 90, "least_visible": 5, "drift": [6, 3]}
    config.write_text(yaml.safe_dump({**small, **changed}))
    given = ("--data", root / "data") if name == "finetune" else ("--coco", root / "coco")
    return [name, "--config", config, *given, "--weights", root / "w.safetensors", "--output", root / "out"]


def written(path: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda p: (p / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def image(path: str, mode: str, size: tuple[int, int] = (64, 48), **options: Any) -> Callable[[Path], object]:
    return lambda p: Image.new(mode, size).save(p / path, **options)


def replaced(path: str) -> Callable[[Path], object]:
    """A link to weights by another file, so that the shared one stays as it is."""
    return lambda p: (p / path).unlink()


def of_another_network(root: Path) -> None:
    replaced("w.safetensors")(root)
    save_file({"conv1.weight": torch.zeros(3)}, root / "w.safetensors")


WEIGHTS: dict[str, Row] = {
    "no weights": (replaced("w.safetensors"), "w.safetensors", "does not exist"),
    "empty weights": (lambda p: (replaced("w.safetensors")(p), empty(p / "w.safetensors")), "w.safetensors", "empty"),
    "weights of something else": (of_another_network, "w.safetensors", "not those of a Space-Time Memory network"),
    "weights that are a web page": (
        lambda p: (replaced("w.safetensors")(p), written("w.safetensors", "<html>")(p)),
        "w.safetensors",
        "cannot be read",
    ),
    "weights that are a pipe": (lambda p: fifo(p / "w.safetensors"), "w.safetensors", "does not exist"),
    "weights that are a folder": (lambda p: folder(p / "w.safetensors"), "w.safetensors", "is a folder"),
}
OUTPUT: dict[str, Row] = {
    "the output is a file": (written("out", "x"), "out", "Cannot make the folder"),
    "the output is a link to itself": (lambda p: loop(p / "out"), "out", "Cannot make the folder"),
    "the output holds weights": (
        lambda p: ((p / "out").mkdir(), written("out/last.safetensors", "x")(p)),
        "out",
        "holds a run of training already",
    ),
    "the output holds a run": (
        lambda p: ((p / "out/checkpoints").mkdir(parents=True), written("out/checkpoints/000000002.pt", "x")(p)),
        "out",
        "holds a run of training already",
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
        "Cannot write events",
    ),
    "a folder in place of the metrics": (
        lambda p: (p / "out/metrics.csv").mkdir(parents=True),
        "out/metrics.csv",
        "Cannot write",
    ),
    "a folder in place of the weights": (
        lambda p: (p / "out/last.safetensors/x").mkdir(parents=True),
        "out",
        "holds a run of training already",
    ),
}
FINETUNE: dict[str, Row] = {
    "no data set": (lambda p: shutil.rmtree(p / "data"), "data", "is no folder"),
    "a data set that is a file": (lambda p: (shutil.rmtree(p / "data"), written("data", "x")(p)), "data", "no folder"),
    "a data set that is a link to itself": (
        lambda p: (shutil.rmtree(p / "data"), loop(p / "data")),
        "data",
        "is no folder",
    ),
    "no frames": (lambda p: shutil.rmtree(p / "data/JPEGImages"), "data", "no folder JPEGImages"),
    "no masks": (lambda p: shutil.rmtree(p / "data/Annotations"), "data", "no folder Annotations"),
    "no lists": (lambda p: shutil.rmtree(p / "data/ImageSets"), "data", "no split named train"),
    "no list of the split": (lambda p: (p / LIST).unlink(), "data", "no split named train"),
    "two lists of the split": (
        lambda p: shutil.copytree(p / "data/ImageSets/2022", p / "data/ImageSets/2017"),
        "data/ImageSets",
        "several times",
    ),
    "an empty list": (lambda p: empty(p / LIST), LIST, "names no sequence"),
    "a list that names a video twice": (written(LIST, "video\nvideo"), LIST, "names video twice"),
    "a list of a video that is not there": (written(LIST, "other"), "JPEGImages/480p/other", "cannot be read"),
    "a list that leads up": (written(LIST, "../../etc"), LIST, "cannot be the name"),
    "a list that leads elsewhere": (written(LIST, "/etc"), LIST, "cannot be the name"),
    "a list that commands the terminal": (written(LIST, "\x1b[2J"), LIST, "cannot be the name"),
    "a list that is not UTF-8": (written(LIST, b"\xff\xfe"), LIST, "cannot be read"),
    "a list that is a picture": (lambda p: shutil.copy(p / FRAME, p / LIST), LIST, "cannot be read"),
    "a list without an end": (lambda p: endless(p / LIST), LIST, "no regular file"),
    "a list that is a pipe": (lambda p: fifo(p / LIST), LIST, "no regular file"),
    "a list of five gigabytes": (lambda p: large(p / LIST), LIST, "more than can be meant"),
    "a frame without a mask": (lambda p: (p / MASK).unlink(), "data/Annotations/480p/video", "00001 has no mask"),
    "a mask without a frame": (lambda p: (p / FRAME).unlink(), "data/JPEGImages/480p/video", "00001 has no frame"),
    "a video of two frames": (
        lambda p: ((p / FRAME).unlink(), (p / MASK).unlink()),
        "video",
        "2 frames: a clip needs 3",
    ),
    "an empty frame": (lambda p: empty(p / FRAME), FRAME, "cannot be read"),
    "a truncated frame": (lambda p: truncate(p / FRAME), FRAME, "cannot be read"),
    "a frame of text": (written(FRAME, "x"), FRAME, "cannot be read"),
    "a frame of another size": (image(FRAME, "RGB", (64, 50)), "video", "differ in size"),
    "a 16-bit frame": (image(FRAME, "I;16"), FRAME, "I;16"),
    "a frame of 100,000 x 100,000": (lambda p: bomb(p / FRAME), FRAME, "cannot be read"),
    "a frame that would have 2,000,000 x 48": (image(FRAME, "RGB", (40_000, 1)), FRAME, "more than can be meant"),
    "a frame that is a folder": (lambda p: folder(p / FRAME), FRAME, "is a folder"),
    "a frame that is a link to itself": (lambda p: loop(p / FRAME), FRAME, "does not exist"),
    "a frame that cannot be read": (lambda p: unreadable(p / FRAME), FRAME, "cannot be read"),
    "a frame without an end": (lambda p: endless(p / FRAME), FRAME, "does not exist"),
    "a frame of PostScript, which Pillow would run": (written(FRAME, "%!PS-Adobe"), FRAME, "cannot be read"),
    "an empty mask": (lambda p: empty(p / MASK), MASK, "cannot be read"),
    "a truncated mask": (lambda p: truncate(p / MASK), MASK, "cannot be read"),
    "a mask in colours": (image(MASK, "RGB"), MASK, "mode RGB"),
    "a mask as JPEG": (image(MASK, "L", format="JPEG"), MASK, "is a JPEG"),
    "a mask of another shape": (
        lambda p: write_labels(p / MASK, np.ones((96, 64), np.uint8)),
        MASK,
        "64x96",
    ),
    "a mask of 100,000 x 100,000": (lambda p: bomb(p / MASK), MASK, "cannot be read"),
    "a mask that is a link to itself": (lambda p: loop(p / MASK), MASK, "does not exist"),
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
    given = command(root, "finetune")
    spoil(root)
    refused(run, root, root / "out", culprit, reason, *given)


JSON = "coco/annotations/instances_train2017.json"
JPEG = "coco/train2017/000000000001.jpg"


def changed(kind: str, field: str, value: object) -> Callable[[Path], object]:
    """Another value in the first entry of a list of the JSON."""

    def change(p: Path) -> None:
        content = json.loads((p / JSON).read_text())
        content[kind][0][field] = value
        (p / JSON).write_text(json.dumps(content))

    return change


PRETRAIN: dict[str, Row] = {
    "no COCO": (lambda p: shutil.rmtree(p / "coco"), JSON, "There is no"),
    "no JSON": (lambda p: (p / JSON).unlink(), JSON, "There is no"),
    "a JSON that is a folder": (lambda p: folder(p / JSON), JSON, "There is no"),
    "a JSON that is a link to itself": (lambda p: loop(p / JSON), JSON, "There is no"),
    "a JSON that is a pipe": (lambda p: fifo(p / JSON), JSON, "There is no"),
    "a JSON without an end": (lambda p: endless(p / JSON), JSON, "There is no"),
    "a JSON that cannot be read": (lambda p: unreadable(p / JSON), "mem", "cannot be read"),
    "an empty JSON": (lambda p: empty(p / JSON), JSON, "it is no JSON"),
    "a cut JSON": (lambda p: truncate(p / JSON), JSON, "it is no JSON"),
    "a JSON that is not UTF-8": (written(JSON, b'{"images": ["\xff"]}'), JSON, "it is no JSON"),
    "a JSON nested deep, and not to a plain count of brackets": (
        written(JSON, '{"images": [' + '["]",' * 500_000),
        JSON,
        "nested too deep",
    ),
    "a JSON of VISOR": (written(JSON, '{"video_annotations": []}'), JSON, "it lists no images"),
    "an id of 400 digits": (changed("images", "id", 10**400), JSON, "it is no JSON"),
    "a name that leads elsewhere": (changed("images", "file_name", "/etc/passwd"), JSON, "is no name of a file"),
    "a name that commands the terminal": (changed("images", "file_name", "\x1b[2J"), JSON, "is no name of a file"),
    "a coordinate that is no number": (
        lambda p: (p / JSON).write_text((p / JSON).read_text().replace("[5, 5,", "[NaN, 5,")),
        JSON,
        "it is no JSON",
    ),
    "no images": (lambda p: shutil.rmtree(p / "coco/train2017"), "coco/train2017", "There is no folder"),
    "an image that is missing": (lambda p: (p / JPEG).unlink(), JPEG, "is missing"),
    "an image that is a link to itself": (lambda p: loop(p / JPEG), JPEG, "is missing"),
    "an image that is a pipe": (lambda p: fifo(p / JPEG), JPEG, "is missing"),
    "an empty image": (lambda p: empty(p / JPEG), JPEG, "cannot be read"),
    "a truncated image": (lambda p: truncate(p / JPEG), JPEG, "cannot be read"),
    "an image of another size": (image(JPEG, "RGB", (64, 50)), JPEG, "is 64x50, and 64x48 in"),
    "a 16-bit image": (image(JPEG, "I;16", format="PNG"), JPEG, "I;16"),
    "an image of 100,000 x 100,000": (lambda p: bomb(p / JPEG), JPEG, "cannot be read"),
}


@pytest.mark.parametrize("name", PRETRAIN)
def test_pretrain_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = PRETRAIN[name]
    given = command(root, "pretrain")
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
    refused(run, root, root / "out", "w.safetensors", "are of a resnet18, not of a resnet50", *given)
    assert not (root / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "culprit", "reason"),
    [
        (lambda p: shutil.rmtree(p / "data"), "data", "is no folder"),
        (lambda p: (p / "data/ImageSets/2022/val.txt").unlink(), "data", "no split named val"),
        (lambda p: (p / MASK).unlink(), "data/Annotations/480p/video", "has no mask"),
        (written("data/ImageSets/2022/val.txt", "../x"), "val.txt", "cannot be the name"),
        (lambda p: truncate(p / MASK), MASK, "cannot be read"),
        (lambda p: truncate(p / FRAME), FRAME, "cannot be read"),
        (image(FRAME, "RGB", (64, 50)), "video", "64x50"),
    ],
)
def test_a_validation_that_cannot_be(
    run: Run, root: Path, spoil: Callable[[Path], object], culprit: str, reason: str
) -> None:
    given = command(root, "pretrain", evaluate_every=2)
    spoil(root)
    refused(run, root, root / "out", culprit, reason, *given, "--validate-on", root / "data")


ABSURD: dict[str, list[tuple[str, object]]] = {
    "finetune": [
        ("crop_size", 33),
        ("crop_size", 10**9),
        ("short_side", 0),
        ("iterations", 0),
        ("batch_size", 0),
        ("accumulate", "x"),
        ("learning_rate", float("nan")),
        ("learning_rate", float("inf")),
        ("learning_rate", -1),
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
        ("iterations", -1),
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
    check(run(*given), "A step of 1 clips", "cannot be shared by 2 processes", root)
