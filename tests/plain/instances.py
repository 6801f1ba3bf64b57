"""COCO's objects without an index: all annotations are scanned for each image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.images import read_frame

__all__ = ["ScannedInstances"]


class ScannedInstances:
    """Images and objects with the interface of `CocoIndex`.

    Args:
        images: as in COCO's JSON, in order.
        annotations: as in the JSON; crowds, and objects without a polygon of three points, are skipped.
        folder: folder of the images.
    """

    def __init__(
        self, images: Sequence[Mapping[str, Any]], annotations: Sequence[Mapping[str, Any]], folder: Path
    ) -> None:
        self.images = images
        self.folder = folder
        self.annotations = annotations
        counts, areas = [], []
        by_image: dict[int, list[Mapping[str, Any]]] = {image["id"]: [] for image in images}
        for annotation in annotations:
            if annotation["image_id"] in by_image and not annotation["iscrowd"] and _outlines(annotation):
                by_image[annotation["image_id"]].append(annotation)
        for own in by_image.values():
            counts.append(len(own))
            areas += [float(annotation["bbox"][2] * annotation["bbox"][3]) for annotation in own]
        self.instance_starts: NDArray[np.int64] = np.cumsum([0, *counts])
        self.box_areas: NDArray[np.float64] = np.array(areas, np.float64)

    def __len__(self) -> int:
        return len(self.images)

    def name(self, image: int) -> str:
        return str(self.images[image]["file_name"])

    def read_frame(self, image: int) -> NDArray[np.uint8]:
        return read_frame(self.folder / self.name(image))

    def describe(self) -> str:
        return f"{len(self)} images"

    def polygons(self, instance: int) -> list[NDArray[np.int32]]:
        """An object's polygons, found among all annotations."""
        image = int(np.searchsorted(self.instance_starts, instance, side="right")) - 1
        # The reference scans once per image, not once per object.
        if instance == self.instance_starts[image] or image != self._scanned:
            index = self.images[image]["id"]
            self._own = [item for item in self.annotations if item["image_id"] == index and not item["iscrowd"]]
            self._own = [item for item in self._own if _outlines(item)]
            self._scanned = image
        annotation = self._own[instance - int(self.instance_starts[image])]
        return [np.array(flat, np.float64).reshape(-1, 2).astype(np.int32) for flat in _outlines(annotation)]

    _scanned = -1


def _outlines(annotation: Mapping[str, Any]) -> list[list[float]]:
    """Polygons of three points or more."""
    return [flat for flat in annotation["segmentation"] if len(flat) > 4]
