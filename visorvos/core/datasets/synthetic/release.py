"""Drawn data on disk: a release in VISOR's shape and one in COCO's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from visorvos.core.datasets.synthetic.records import coco_instances, visor_frames
from visorvos.core.datasets.synthetic.video import SyntheticVideo, make_video
from visorvos.core.io.atomic import write_file
from visorvos.core.io.images import write_picture

__all__ = ["write_synthetic_coco", "write_synthetic_visor"]

T = TypeVar("T")
R = TypeVar("R")

_OBJECTS = (2, 3, 2, 1, 2, 2)
"""Of one video or image after another."""
_KITCHENS = {"train": 1, "val": 2}
"""Of a split's videos, and a part of their seeds: no drawing is in both."""
_STILLS = 0
_THREADS = 2


def write_synthetic_visor(
    root: Path, videos: Mapping[str, int], frames: int, seed: int, height: int = 360, width: int = 640
) -> tuple[Path, Path]:
    """Draws a release of short videos, one sequence each, and writes it.

    Args:
        root: the folder that it goes to.
        videos: how many, by split: "train", "val".
        frames: of each video.
        seed: of all of it.
        height, width: of a frame, in the release's proportions, 16 to 9.

    Returns:
        The folder of annotations and that of images, as ``visorvos prepare`` takes them.

    Raises:
        VisorVosError: where the system refuses to write.
    """
    annotations, images = root / "annotations", root / "images"

    def write(video: tuple[str, int]) -> None:
        split, number = video
        name = f"P{_KITCHENS[split]:02d}_{number + 1:03d}"
        drawn = make_video(frames, height, width, (seed, _KITCHENS[split], number), _objects(number))
        entries = visor_frames(drawn, name, "seq_00001")
        for entry, frame in zip(entries, drawn.frames, strict=True):
            write_picture(images / name / entry["image"]["name"], frame)
        write_file(annotations / split / f"{name}.json", json.dumps({"video_annotations": entries}))

    _map(write, [(split, number) for split, count in videos.items() for number in range(count)])
    return annotations, images


def write_synthetic_coco(root: Path, images: int, seed: int, height: int = 96, width: int = 128) -> None:
    """Draws single images and writes them as ``train2017`` and ``annotations/instances_train2017.json``.

    Args:
        root: the folder that they go to.
        images: how many.
        seed: of all of it.
        height, width: of an image. Objects that clips take from one image to another keep their size in pixels:
            it is best to draw them as large as the clips.

    Raises:
        VisorVosError: where the system refuses to write.
    """

    def draw(number: int) -> SyntheticVideo:
        return make_video(1, height, width, (seed, _STILLS, number), _objects(number))

    drawn = _map(draw, range(images))
    instances = coco_instances(drawn)
    for entry, image in zip(instances["images"], drawn, strict=True):
        write_picture(root / "train2017" / entry["file_name"], image.frames[0])
    write_file(root / "annotations" / "instances_train2017.json", json.dumps(instances))


def _objects(number: int) -> int:
    return _OBJECTS[number % len(_OBJECTS)]


def _map(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """The function of each item, in order: drawing and JPEG leave Python's lock to others most of the time."""
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(function, items))
