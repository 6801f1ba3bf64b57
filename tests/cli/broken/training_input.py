"""What ``finetune`` and ``pretrain`` are given, to be broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from tests.builders import write_data_set
from tests.coco_builders import annotation, picture, square, write_coco
from tests.training_runs import SMALL, squares
from visorvos.core.datasets.coco.index import open_coco

__all__ = ["FRAME", "LIST", "MASK", "command", "image", "root", "written"]

FRAME = "data/JPEGImages/480p/video/00001.png"
MASK = "data/Annotations/480p/video/00001.png"
LIST = "data/ImageSets/2022/train.txt"


@pytest.fixture
def root(tmp_path: Path, weights: Path) -> Path:
    """A video of three frames, every one of which a clip needs; two images with an object each; weights."""
    frames, masks = squares(0)
    write_data_set(tmp_path / "data", {"video": (frames[:3], masks[:3])})
    (tmp_path / "data/ImageSets/2022/train.txt").write_text("video")
    shapes = [annotation(index, index, square(5, 5, 30)) for index in (1, 2)]
    write_coco(tmp_path / "coco", [picture(1, 48, 64), picture(2, 48, 64)], shapes)
    open_coco(tmp_path / "coco")
    (tmp_path / "w.safetensors").symlink_to(weights)
    return tmp_path


def command(root: Path, name: str, **changed: object) -> list[object]:
    config = root / "c.yaml"
    small = {**SMALL, "iterations": 2, "evaluate_every": 0}
    if name == "pretrain":
        small["augmentation"] = {"min_own": 60, "min_pasted_box": 90, "min_visible": 5, "drift": [6, 3]}
    config.write_text(yaml.safe_dump({**small, **changed}))
    given = ("--data", root / "data") if name == "finetune" else ("--coco", root / "coco")
    return [name, "--config", config, *given, "--weights", root / "w.safetensors", "--output", root / "out"]


def written(path: str, content: str | bytes) -> Callable[[Path], object]:
    return lambda p: (p / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def image(path: str, mode: str, size: tuple[int, int] = (64, 48), **options: Any) -> Callable[[Path], object]:
    return lambda p: Image.new(mode, size).save(p / path, **options)
