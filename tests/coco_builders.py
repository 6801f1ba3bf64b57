"""COCO-shaped releases in miniature, and what they hold, read in the plainest way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def square(left: float, top: float, side: float) -> list[float]:
    """A polygon as COCO writes it."""
    return [left, top, left + side, top, left + side, top + side, left, top + side]


def annotation(index: int, image: int, *polygons: list[float], **fields: object) -> dict[str, Any]:
    """One instance, its box that of its points."""
    points = np.array([value for polygon in polygons for value in polygon] or [0, 0], float).reshape(-1, 2)
    low, high = points.min(0), points.max(0)
    return {
        "segmentation": list(polygons),
        "area": 1.5,
        "iscrowd": 0,
        "image_id": image,
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "category_id": 1,
        "id": index,
        **fields,
    }


def crowd(index: int, image: int) -> dict[str, Any]:
    return annotation(index, image, iscrowd=1, segmentation={"counts": [3, 4], "size": [1, 7]})


def picture(index: int, height: int = 30, width: int = 40, **fields: object) -> dict[str, Any]:
    return {"license": 1, "file_name": f"{index:012d}.jpg", "height": height, "width": width, "id": index, **fields}


def write_coco(
    root: Path,
    pictures: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    frames: dict[int, np.ndarray[Any, Any]] | None = None,
    split: str = "train2017",
) -> Path:
    """A release; pictures without their own frame are black."""
    content = {"info": {"year": 2017}, "images": pictures, "annotations": annotations, "categories": []}
    path = root / "annotations" / f"instances_{split}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    (root / split).mkdir(exist_ok=True)
    for entry in pictures:
        frame = (frames or {}).get(entry["id"])
        if frame is None:
            frame = np.zeros((entry["height"], entry["width"], 3), np.uint8)
        Image.fromarray(frame).save(root / split / entry["file_name"], quality=95)
    return root


def scanned(path: Path) -> list[tuple[str, list[tuple[float, list[list[list[int]]]]]]]:
    """Each image's name and its instances, as box area and polygons cut to integers: the whole JSON, scanned."""
    content = json.loads(path.read_text())
    return [
        (
            entry["file_name"],
            [
                (float(found["bbox"][2] * found["bbox"][3]), polygons)
                for found in content["annotations"]
                if found["image_id"] == entry["id"] and not found["iscrowd"]
                if (polygons := [_points(flat) for flat in found["segmentation"] if len(flat) > 4])
            ],
        )
        for entry in content["images"]
    ]


def _points(flat: list[float]) -> list[list[int]]:
    return [[int(x), int(y)] for x, y in zip(flat[::2], flat[1::2], strict=True)]
