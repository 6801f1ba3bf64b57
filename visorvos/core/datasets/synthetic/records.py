"""Drawn videos as records of the VISOR release, and drawn images as records of COCO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from visorvos.core.datasets.synthetic.video import SyntheticVideo

__all__ = ["coco_instances", "visor_frames"]

_FULL_WIDTH = 1920
"""Of the frames that the release's polygons are given for."""


def visor_frames(video: SyntheticVideo, name: str, sequence: str) -> list[dict[str, Any]]:
    """A video as one sequence of the release: an entry of ``video_annotations`` for each frame.

    Args:
        video: of any size in the release's proportions, 16 to 9.
        name: of the video it is part of, such as P01_101.
        sequence: such as seq_00001.

    Returns:
        One entry a frame, in order. Objects outside the frame are left out of it.
    """
    _, height, width, _ = video.frames.shape
    low, high = video.outlines.min(axis=2), video.outlines.max(axis=2)
    inside = np.all((high > -0.5) & (low < (width - 0.5, height - 0.5)), axis=2)
    # Whole numbers are pixels' centers in either size.
    polygons = np.rint((video.outlines + 0.5) * (_FULL_WIDTH / width) - 0.5)
    entries = []
    for number in range(len(video.frames)):
        file = f"{name}_frame_{number:010d}.jpg"
        image = {
            "image_path": f"{name.split('_')[0]}/{name}/{file}",
            "name": file,
            "subsequence": f"{name}_{sequence}",
            "video": name,
        }
        annotations = [
            {"name": thing, "segments": [polygons[number, index].tolist()]}
            for index, thing in enumerate(video.names)
            if inside[number, index]
        ]
        entries.append({"image": image, "annotations": annotations})
    return entries


def coco_instances(images: Sequence[SyntheticVideo]) -> dict[str, Any]:
    """Single images in the form of COCO's ``instances_train2017.json``.

    Args:
        images: videos of one frame each.

    Returns:
        Images numbered from 1, with file names to match; what can be seen of each object as polygons, in the order
        they were drawn, with its area and box; a category for each kind of object.
    """
    kinds = sorted({name.split()[-1] for image in images for name in image.names})
    categories = {kind: number for number, kind in enumerate(kinds, start=1)}
    pictures: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, start=1):
        labels = image.labels()[0]
        height, width = labels.shape
        pictures.append({"id": number, "file_name": f"{number:012d}.jpg", "height": height, "width": width})
        for index, name in enumerate(image.names, start=1):
            seen = (labels == index).astype(np.uint8)
            contours, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
            outlines = [contour.reshape(-1).tolist() for contour in contours if len(contour) > 2]
            if outlines:
                annotation = {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": categories[name.split()[-1]],
                    "segmentation": outlines,
                    "area": cv2.countNonZero(seen),
                    "bbox": list(cv2.boundingRect(seen)),
                    "iscrowd": 0,
                }
                annotations.append(annotation)
    return {
        "info": {"description": "Drawn by visorvos demo"},
        "licenses": [],
        "images": pictures,
        "annotations": annotations,
        "categories": [{"id": number, "name": kind, "supercategory": "drawn"} for kind, number in categories.items()],
    }
