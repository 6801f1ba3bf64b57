"""``pretrain`` on broken images, annotations and data to validate on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.broken.harness import Row, bomb, empty, endless, fifo, folder, loop, refused, truncate, unreadable
from tests.cli.broken.training_input import FRAME, MASK, command, image, root, written
from tests.conftest import Run

__all__ = ["root"]

JSON = "coco/annotations/instances_train2017.json"
JPEG = "coco/train2017/000000000001.jpg"


PRETRAIN: dict[str, Row] = {
    "no COCO": (lambda p: shutil.rmtree(p / "coco"), JSON, "Annotations not found"),
    "no JSON": (lambda p: (p / JSON).unlink(), JSON, "Annotations not found"),
    "a JSON that is a folder": (lambda p: folder(p / JSON), JSON, "Annotations not found"),
    "a JSON that is a link to itself": (lambda p: loop(p / JSON), JSON, "Annotations not found"),
    "a JSON that is a pipe": (lambda p: fifo(p / JSON), JSON, "Annotations not found"),
    "a JSON without an end": (lambda p: endless(p / JSON), JSON, "Annotations not found"),
    "a JSON that cannot be read": (lambda p: unreadable(p / JSON), "mem", "cannot be read"),
    "an empty JSON": (lambda p: empty(p / JSON), JSON, "must be a JSON"),
    "a cut JSON": (lambda p: truncate(p / JSON), JSON, "must be a JSON"),
    "a JSON that is not UTF-8": (written(JSON, b'{"images": ["\xff"]}'), JSON, "must be a JSON"),
    "a JSON nested deep": (
        written(JSON, '{"images": [' + "[" * 500_000),
        JSON,
        "must be a JSON",
    ),
    "a JSON of VISOR": (written(JSON, '{"video_annotations": []}'), JSON, "must be a JSON"),
    "a coordinate that is no number": (
        lambda p: (p / JSON).write_text((p / JSON).read_text().replace("[5, 5,", "[NaN, 5,")),
        JSON,
        "annotations that cannot be read: 2",
    ),
    "no images": (lambda p: shutil.rmtree(p / "coco/train2017"), "coco/train2017", "Images not found"),
    "images that are missing": (
        lambda p: [file.unlink() for file in (p / "coco/train2017").iterdir()],
        JSON,
        "images that are missing: 2 (first: 000000000001.jpg)",
    ),
    "an empty image": (lambda p: empty(p / JPEG), JPEG, "cannot be read"),
    "a truncated image": (lambda p: truncate(p / JPEG), JPEG, "cannot be read"),
    "an image of another size": (image(JPEG, "RGB", (64, 50)), JPEG, "got 64x50"),
    "a 16-bit image": (image(JPEG, "I;16", format="PNG"), JPEG, "I;16"),
    "an image of 100,000 x 100,000": (lambda p: bomb(p / JPEG), JPEG, "cannot be read"),
}


@pytest.mark.parametrize("name", PRETRAIN)
def test_pretrain_refuses(run: Run, root: Path, name: str) -> None:
    spoil, culprit, reason = PRETRAIN[name]
    given = command(root, "pretrain")
    spoil(root)
    refused(run, root, root / "out", culprit, reason, *given)


@pytest.mark.parametrize(
    ("spoil", "culprit", "reason"),
    [
        (lambda p: shutil.rmtree(p / "data"), "data", "folder not found"),
        (lambda p: (p / "data/ImageSets/2022/val.txt").unlink(), "data", "no split named val"),
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
