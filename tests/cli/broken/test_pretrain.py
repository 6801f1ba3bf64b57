"""``pretrain`` on broken images, annotations and data to validate on."""

from __future__ import annotations

import json
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
