"""COCO-style annotations, as COCO and labelling tools write them, decoded into flat arrays."""

from __future__ import annotations

import gzip
import re
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.paths import is_safe_path
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError

__all__ = ["read_annotations"]

Id = int | float | str
_BLOCK = 1 << 14
"""Annotations between two updates of the progress bar, and between two conversions of coordinates to int16."""
_MAX_COORDINATE = 20_000
"""Pixels, far outside any photograph. Coordinates beyond are moved there: int16 and OpenCV's drawing hold them."""
_NOT_A_NUMBER = re.compile(rb"(?<=[\s:,\[])(?:NaN|-?Infinity)(?=[\s,\]}])")


class _Release(msgspec.Struct):
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]


class _Image(msgspec.Struct):
    id: Id
    file_name: str
    height: float | None = None
    width: float | None = None


class _RunLengths(msgspec.Struct):
    counts: list[int] | str
    size: tuple[int, int]


class _Annotation(msgspec.Struct):
    image_id: Id
    segmentation: list[list[float]] | _RunLengths | None = None
    bbox: list[float | None] | None = None
    iscrowd: int | float | bool | None = 0
    id: Id = "without an id"


def read_annotations(source: Path, images: Path, progress: Progress) -> tuple[dict[str, NDArray[Any]], str]:
    """Decodes a JSON of instances, plain or gzipped.

    Crowds are skipped, as the recipe says. Missing fields get defaults: ``iscrowd`` 0, ``bbox`` the box of the
    polygons. What cannot be used is left out and counted.

    Args:
        source: the JSON.
        images: folder of the images, to leave out those that are missing.
        progress: shows how far the decoding is.

    Returns:
        Arrays by name, as `CocoIndex` describes them, instances in the order of their images; and what was left out,
        as text, empty if nothing was.

    Raises:
        VisorVosError: when the file cannot be read, or nothing is left of it.
    """
    release = _decode(source)
    left_out: dict[str, list[str]] = defaultdict(list)
    names, sizes, image_numbers = _read_images(release.images, images, left_out)
    decode = msgspec.json.Decoder(_Annotation).decode
    points, ends, coordinates = [np.empty((0, 2), np.int16)], array("q", [0]), array("d")
    first_polygons, polygon_counts, owners, areas = array("q"), array("q"), array("q"), array("d")
    starts = range(0, len(release.annotations), _BLOCK)
    for start in progress.track(starts, "Indexing the annotations, once", "blocks", len(starts)):
        for number, raw in enumerate(release.annotations[start : start + _BLOCK], start + 1):
            try:
                annotation = decode(raw)
                if annotation.iscrowd:
                    continue
                polygons = _polygons(annotation.segmentation)
            except (msgspec.ValidationError, ValueError) as error:
                left_out["annotations that cannot be read"].append(f"number {number}, {error}")
                continue
            image = image_numbers.get(annotation.image_id)
            if image is None:
                image = image_numbers.get(_text(annotation.image_id))
            if image is None or not polygons:
                reason = "of images that are not listed or missing" if polygons else "without a polygon of three points"
                left_out[f"annotations {reason}"].append(str(annotation.id))
                continue
            owners.append(image)
            first_polygons.append(len(ends) - 1)
            polygon_counts.append(len(polygons))
            areas.append(_box_area(annotation.bbox, polygons))
            for flat in polygons:
                coordinates.extend(flat)
                ends.append(ends[-1] + len(flat) // 2)
        limited = np.clip(np.frombuffer(coordinates), -_MAX_COORDINATE, _MAX_COORDINATE)
        points.append(limited.astype(np.int16).reshape(-1, 2))
        coordinates = array("d")
    report = "; ".join(f"{reason}: {len(found):,} (first: {found[0][:60]})" for reason, found in left_out.items())
    if not owners:
        raise VisorVosError(
            f"{source} has no annotation that can be used ({report or 'only crowds'}).",
            f"Give a COCO instances file whose images lie in {images}.",
        )
    owner = np.frombuffer(owners, np.int64)
    order = np.argsort(owner, kind="stable")
    return {
        "points": np.concatenate(points),
        "polygon_ends": np.frombuffer(ends, np.int64),
        "first_polygons": np.frombuffer(first_polygons, np.int64)[order],
        "polygon_counts": np.frombuffer(polygon_counts, np.int64)[order],
        "box_areas": np.frombuffer(areas)[order],
        "instance_starts": np.concatenate(([0], np.cumsum(np.bincount(owner, minlength=len(names))))),
        "sizes": np.array(sizes, np.int64),
        "names": np.array([name.encode() for name in names]),
    }, report


def _decode(source: Path) -> _Release:
    try:
        content = source.read_bytes()
        if content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        content = content.removeprefix(b"\xef\xbb\xbf")
        try:
            return msgspec.json.decode(content, type=_Release)
        except msgspec.DecodeError:
            # Python's json writes NaN and Infinity, which JSON does not have.
            return msgspec.json.decode(_NOT_A_NUMBER.sub(b"null", content), type=_Release)
    except (OSError, EOFError, zlib.error) as error:
        raise VisorVosError(
            f"Cannot read {source}: {getattr(error, 'strerror', None) or error}.", "Check or download it again."
        ) from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise VisorVosError(
            f"{source} must be a JSON with lists of images and annotations: {error}.", "Check or download it again."
        ) from error


def _read_images(
    raws: Iterable[msgspec.Raw], folder: Path, left_out: dict[str, list[str]]
) -> tuple[list[str], list[tuple[int, int]], dict[Id, int]]:
    """Names and sizes (height, width; 0 if unknown) of the images that are there, and their numbers by id."""
    present = {path.name for path in folder.iterdir()}
    names: dict[str, int] = {}
    sizes: list[tuple[int, int]] = []
    numbers: dict[Id, int] = {}
    decoder = msgspec.json.Decoder(_Image)
    for raw in raws:
        try:
            image = decoder.decode(raw)
        except msgspec.ValidationError as error:
            left_out["images that cannot be read"].append(str(error))
            continue
        name = image.file_name.replace("\\", "/").removeprefix("./")
        if not is_safe_path(name):
            left_out["images with unsafe file names"].append(repr(name))
        elif name not in present and not ("/" in name and (folder / name).is_file()):
            left_out["images that are missing"].append(name)
        elif image.id in numbers and numbers[image.id] != names.get(name):
            left_out["images with the id of another"].append(f"{name}, id {image.id}")
        else:
            if name not in names:
                names[name] = len(sizes)
                sizes.append((int(image.height or 0), int(image.width or 0)))
            numbers[image.id] = numbers[_text(image.id)] = names[name]
    return list(names), sizes, numbers


def _text(number: Id) -> str:
    """An id as text: tools write 3, 3.0 and "3" for the same one."""
    return str(int(number)) if isinstance(number, float) and number.is_integer() else str(number)


def _polygons(segmentation: list[list[float]] | _RunLengths | None) -> list[Any]:
    """Flat lists of x, y, x, y ...; polygons of fewer than three points have no area."""
    if isinstance(segmentation, _RunLengths):
        return _outlines(segmentation)
    polygons = [flat for flat in segmentation or () if len(flat) > 5]
    if any(len(flat) % 2 for flat in polygons):
        raise ValueError("a polygon has an odd number of coordinates")
    return polygons


def _outlines(mask: _RunLengths) -> list[Any]:
    """The outlines of a run-length encoded mask, which drawn together give the mask again."""
    height, width = mask.size
    counts = _uncompressed(mask.counts) if isinstance(mask.counts, str) else mask.counts
    if not 0 < height * width <= _MAX_COORDINATE**2 or min(counts, default=0) < 0 or sum(counts) != height * width:
        raise ValueError("a run-length encoded mask does not have its size")
    labels = np.repeat((np.arange(len(counts)) % 2).astype(np.uint8), counts).reshape(width, height).T
    contours, _ = cv2.findContours(np.ascontiguousarray(labels), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [contour.ravel() for contour in contours]


def _uncompressed(text: str) -> list[int]:
    """Run lengths from the text that pycocotools writes: 5 bits per character, differences to the last but one."""
    counts: list[int] = []
    value = shift = 0
    for character in text.encode():
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (bits & 16) << (shift - 4)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def _box_area(box: list[float | None] | None, polygons: list[Any]) -> float:
    if box is not None and len(box) == 4:
        width, height = box[2:]
        if width is not None and height is not None and width >= 0 and height >= 0:
            return width * height
    x, y = (np.concatenate([flat[axis::2] for flat in polygons]) for axis in (0, 1))
    return float(np.ptp(x) * np.ptp(y))
