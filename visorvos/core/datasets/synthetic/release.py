"""Synthetic data on disk: a release in the layout of VISOR and one in the layout of COCO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visorvos.core.datasets.synthetic.video import SyntheticVideo, make_video
from visorvos.core.io.atomic import write_file
from visorvos.core.io.images import write_picture

_OBJECTS = (2, 3, 2, 1, 2, 2)
"""Number of objects in one video or image after another, repeated."""
_KITCHENS = {"train": 1, "val": 2}
"""Kitchen of the videos of a split. It is part of their seeds, so that no video is in both."""
_STILLS = 0
_FULL_WIDTH = 1920
"""Width of the frames that the polygons of VISOR refer to."""


def write_synthetic_visor(
    root: Path, videos: Mapping[str, int], frames: int, seed: int, height: int = 360, width: int = 640
) -> tuple[Path, Path]:
    """Writes a VISOR release of short synthetic videos with one sequence each.

    Args:
        root: folder to write to.
        videos: number of videos per split: "train", "val".
        frames: number of frames per video.
        seed: determines the data.
        height, width: size of a frame in pixels, 16:9.

    Returns:
        The folder of annotations and that of images, as ``visorvos prepare`` takes them.

    Raises:
        VisorVosError: if the system refuses to write.
    """
    annotations, images = root / "annotations", root / "images"

    for split, number in [(split, number) for split, count in videos.items() for number in range(count)]:
        name = f"P{_KITCHENS[split]:02d}_{number + 1:03d}"
        video = make_video(frames, height, width, (seed, _KITCHENS[split], number), _objects(number))
        entries = _visor_frames(video, name)
        for entry, frame in zip(entries, video.frames, strict=True):
            write_picture(images / name / entry["image"]["name"], frame)
        write_file(annotations / split / f"{name}.json", json.dumps({"video_annotations": entries}))

    return annotations, images


def write_synthetic_coco(root: Path, images: int, seed: int, height: int = 96, width: int = 128) -> None:
    """Writes synthetic images as ``train2017`` and ``annotations/instances_train2017.json``.

    Args:
        root: folder to write to.
        images: number of images.
        seed: determines the data.
        height, width: size of an image in pixels, best that of the clips: objects pasted into another image keep
            their size.

    Raises:
        VisorVosError: if the system refuses to write.
    """
    stills = [make_video(1, height, width, (seed, _STILLS, number), _objects(number)) for number in range(images)]
    instances = _coco_instances(stills)
    for entry, still in zip(instances["images"], stills, strict=True):
        write_picture(root / "train2017" / entry["file_name"], still.frames[0])
    write_file(root / "annotations" / "instances_train2017.json", json.dumps(instances))


def _visor_frames(video: SyntheticVideo, name: str) -> list[dict[str, Any]]:
    """A video as one sequence: an entry of ``video_annotations`` per frame, without objects outside the frame."""
    _, height, width, _ = video.frames.shape
    low, high = video.outlines.min(axis=2), video.outlines.max(axis=2)
    inside = np.all((high > -0.5) & (low < (width - 0.5, height - 0.5)), axis=2)
    # Integers are pixel centers at either size.
    polygons = np.rint((video.outlines + 0.5) * (_FULL_WIDTH / width) - 0.5)
    entries = []
    for number in range(len(video.frames)):
        file = f"{name}_frame_{number:010d}.jpg"
        path = f"{name.split('_')[0]}/{name}/{file}"
        image = {"image_path": path, "name": file, "subsequence": f"{name}_seq_00001", "video": name}
        annotations = [
            {"name": thing, "segments": [polygons[number, place].tolist()]}
            for place, thing in enumerate(video.names)
            if inside[number, place]
        ]
        entries.append({"image": image, "annotations": annotations})
    return entries


def _coco_instances(images: Sequence[SyntheticVideo]) -> dict[str, Any]:
    """Videos of one frame as ``instances_train2017.json``: the visible part of each object, all of one category."""
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        labels = image.labels()[0]
        height, width = labels.shape
        pictures.append({"id": number, "file_name": f"{number:012d}.jpg", "height": height, "width": width})
        for object_id in range(1, len(image.names) + 1):
            visible = (labels == object_id).astype(np.uint8)
            contours, _ = cv2.findContours(visible, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            outlines = [contour.reshape(-1).tolist() for contour in contours if len(contour) > 2]
            if outlines:
                annotation = {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": outlines,
                    "area": cv2.countNonZero(visible),
                    "bbox": list(cv2.boundingRect(visible)),
                    "iscrowd": 0,
                }
                annotations.append(annotation)
    categories = [{"id": 1, "name": "object"}]
    return {"info": {}, "licenses": [], "images": pictures, "annotations": annotations, "categories": categories}


def _objects(number: int) -> int:
    return _OBJECTS[number % len(_OBJECTS)]
