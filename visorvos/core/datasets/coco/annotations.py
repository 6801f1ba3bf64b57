"""COCO-style annotations, as COCO and labelling tools write them, decoded into flat arrays."""

from __future__ import annotations

import gzip
import json
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.paths import is_safe_path
from visorvos.errors import VisorVosError

Id = int | float | str
S = TypeVar("S", bound=msgspec.Struct)
_MAX_COORDINATE = 20_000
"""Pixels, far outside any photograph. Coordinates beyond are moved there: int16 and OpenCV's drawing hold them."""


class _Release(msgspec.Struct):
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _Image(msgspec.Struct):
    id: Id
    file_name: str
    height: float | None = None
    width: float | None = None

    def __post_init__(self) -> None:
        self.file_name = self.file_name.replace("\\", "/").removeprefix("./")
        if not is_safe_path(self.file_name):
            raise ValueError(f"unsafe file name {self.file_name!r}")


class _RunLengths(msgspec.Struct):
    counts: list[int] | str
    size: tuple[int, int]

    def __post_init__(self) -> None:
        self.counts = _uncompressed(self.counts) if isinstance(self.counts, str) else self.counts
        pixels = self.size[0] * self.size[1]
        is_fit = min(self.size) > 0 and pixels <= _MAX_COORDINATE**2 and min(self.counts, default=0) >= 0
        if not is_fit or sum(self.counts) != pixels:
            raise ValueError("a run-length encoded mask does not have its size")

    def outlines(self) -> list[list[float]]:
        """Flat outlines, which drawn together give the mask again."""
        runs = np.repeat((np.arange(len(self.counts)) % 2).astype(np.uint8), np.array(self.counts))
        labels = np.ascontiguousarray(runs.reshape(self.size[::-1]).T)
        contours, _ = cv2.findContours(labels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        return [contour.ravel().tolist() for contour in contours]


class _Annotation(msgspec.Struct):
    image_id: Id
    segmentation: list[list[float]] | _RunLengths | None = None
    bbox: list[float | None] | None = None
    iscrowd: float | bool | None = 0
    id: Id = "without an id"


def read_annotations(source: Path, folder: Path) -> tuple[dict[str, NDArray[Any]], str]:
    """Decodes a JSON of instances, plain or gzipped.

    Crowds are skipped, as the recipe says. What cannot be used is left out and counted.

    Args:
        source: the JSON.
        folder: folder of the images, to leave out those that are missing.

    Returns:
        The arrays of a `CocoIndex` by name, and what was left out as text, empty if nothing was.

    Raises:
        VisorVosError: when the file cannot be read, or nothing is left of it.
    """
    release = _decode(source)
    left_out: dict[str, list[str]] = defaultdict(list)
    present = {path.name for path in folder.iterdir()}
    numbers: dict[str, int] = {}
    by_id: dict[str, int] = {}
    sizes: list[tuple[int, int]] = []
    for image in _each(release.images, _Image, "images", left_out):
        name = image.file_name
        number = numbers.get(name, len(sizes))
        if name not in present and not (folder / name).is_file():
            left_out["images that are missing"].append(name)
        elif by_id.setdefault(_text(image.id), number) != number:
            left_out["images with the id of another"].append(f"{name}, id {image.id}")
        elif number == len(sizes):
            numbers[name] = number
            sizes.append((int(image.height or 0), int(image.width or 0)))
    coordinates, lengths, owners, counts, areas = array("d"), array("q"), array("q"), array("q"), array("d")
    for annotation in _each(release.annotations, _Annotation, "annotations", left_out):
        if annotation.iscrowd:
            continue
        owner = by_id.get(_text(annotation.image_id))
        if owner is None:
            left_out["annotations of images that are not listed or missing"].append(str(annotation.id))
            continue
        found = annotation.segmentation or []
        if isinstance(found, _RunLengths):
            polygons = found.outlines()
        else:
            polygons = [flat for flat in found if len(flat) > 5 and not len(flat) % 2]
            if 0 < len(polygons) < len(found):
                reason = "polygons of fewer than three points, or with half a point"
                left_out[reason] += [f"in {annotation.id}"] * (len(found) - len(polygons))
        if not polygons:
            left_out["annotations without a polygon of three points"].append(str(annotation.id))
            continue
        owners.append(owner)
        counts.append(len(polygons))
        areas.append(_box_area(annotation.bbox, polygons))
        for flat in polygons:
            coordinates.fromlist(flat)
            lengths.append(len(flat))
    report = "; ".join(f"{reason}: {len(found):,} (first: {found[0][:60]})" for reason, found in left_out.items())
    if not owners:
        raise VisorVosError(
            f"{source} has no annotation that can be used ({report or 'only crowds'}).",
            f"Give a COCO instances file whose images lie in {folder}.",
        )
    points, order = np.frombuffer(coordinates), np.argsort(owners, kind="stable")
    polygon_ends = np.cumsum(counts)
    return {
        "points": np.clip(points, -_MAX_COORDINATE, _MAX_COORDINATE, out=points).astype(np.int16).reshape(-1, 2),
        "polygon_ends": np.concatenate(([0], np.cumsum(lengths))) // 2,
        "polygons": np.stack((polygon_ends - counts, polygon_ends), axis=1)[order],
        "box_areas": np.array(areas)[order],
        "instance_starts": np.concatenate(([0], np.cumsum(np.bincount(owners, minlength=len(sizes))))),
        "sizes": np.array(sizes),
        "names": np.array([name.encode() for name in numbers]),
    }, report


def _decode(source: Path) -> _Release:
    content = read_bytes(Location(source))
    try:
        content = gzip.decompress(content) if source.suffix == ".gz" else content
        try:
            return msgspec.json.decode(content, type=_Release)
        except msgspec.DecodeError:
            # Python's json takes a byte order mark and NaN as well; msgspec writes null for the latter.
            return msgspec.json.decode(msgspec.json.encode(json.loads(content)), type=_Release)
    except (OSError, EOFError, zlib.error, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise VisorVosError(
            f"{source} must be a JSON with lists of images and annotations: {error}.", "Check or download it again."
        ) from error


def _each(raws: list[msgspec.Raw], form: type[S], what: str, left_out: dict[str, list[str]]) -> Iterator[S]:
    """Decodes the entries of a list one by one; counts those that cannot be read."""
    decode = msgspec.json.Decoder(form).decode
    for number, raw in enumerate(raws, start=1):
        try:
            yield decode(raw)
        except (msgspec.ValidationError, UnicodeDecodeError) as error:
            left_out[f"{what} that cannot be read"].append(f"number {number}, {error}")


def _text(number: Id) -> str:
    """An id as text: tools write 3, 3.0 and "3" for the same one."""
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def _box_area(box: list[float | None] | None, polygons: list[list[float]]) -> float:
    """Width times height of the box, or of the polygons' if the file has none."""
    width, height = box[2:] if box and len(box) == 4 else (None, None)
    if width is not None and height is not None and width >= 0 and height >= 0:
        return width * height
    x, y = (np.concatenate([flat[axis::2] for flat in polygons]) for axis in (0, 1))
    return float(np.ptp(x) * np.ptp(y))


def _uncompressed(text: str) -> list[int]:
    """Run lengths from the text that pycocotools writes: 5 bits per character, differences to the last but one."""
    counts: list[int] = []
    value = shift = 0
    for bits in (character - 48 for character in text.encode()):
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) << (shift - 4)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts
