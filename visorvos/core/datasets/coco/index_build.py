"""The index of a COCO instances JSON: what it holds, and how it is made while the JSON streams by."""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn

import ijson
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.coco.json_bounds import JsonBounds
from visorvos.core.io.atomic import written_apart
from visorvos.core.io.paths import is_safe_path
from visorvos.errors import VisorVosError

__all__ = ["ARRAYS", "HEADER_SIZE", "Stamp", "Track", "build_index"]

Track = Callable[[Iterable[bytes], int], Iterable[bytes]]
"""Hands on the JSON's MiBs as they are read; the second argument is how many there are."""

HEADER_SIZE = 4096
"""Of the file's first bytes: the header's length, the header, and blanks up to here."""

ARRAYS: dict[str, tuple[str, str, tuple[int, ...]]] = {
    "points": ("I16", "<i2", (2,)),  # x, y of all corners, cut to integers; one more where their number is odd
    "part_starts": ("I64", "<i8", ()),  # of each polygon in `points`, and one more: the end
    "first_parts": ("I64", "<i8", ()),  # of each instance in `part_starts`; its others follow
    "part_counts": ("I64", "<i8", ()),  # polygons of each instance
    "box_areas": ("F64", "<f8", ()),  # of each instance
    "instance_starts": ("I64", "<i8", ()),  # of each image, and one more: the end
    "sizes": ("I64", "<i8", (2,)),  # height, width of each image
    "name_starts": ("I64", "<i8", ()),  # of each image in `names`, and one more: the end
    "names": ("U8", "<u1", ()),  # the images' file names, UTF-8
}
"""Name: type in the header, type of NumPy, shape of one entry. In the order of the file."""

_MIB = 1 << 20
_BATCH = 1 << 17
"""Numbers that are checked and written at a time."""
_FARTHEST = 20_000
"""Pixels: far outside any photograph, and within what int16 and OpenCV's drawing hold."""
_DOWNLOAD_AGAIN = "The file is damaged or holds no COCO instances; download it again."


class Stamp(NamedTuple):
    """By what a changed JSON is told, and an index of another form."""

    size: int
    mtime_ns: int
    version: int = 1

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """That of a file as it is now."""
        stat = path.stat()
        return cls(stat.st_size, stat.st_mtime_ns)

    def as_metadata(self) -> dict[str, str]:
        """The form in which it stands in the header."""
        return {name: str(value) for name, value in self._asdict().items()}


def build_index(source: Path, target: Path, stamp: Stamp, track: Track) -> None:
    """Reads a JSON once and writes its index, whole or not at all, in the safetensors format.

    Several processes may do so at once: each writes a file of its own, and the last to be done remains.

    Args:
        source: the JSON.
        target: the index, in a folder that exists.
        stamp: the JSON's, from before it is read.
        track: hears of progress.

    Raises:
        VisorVosError: where the JSON is broken, or says what cannot be.
        OSError: where the index cannot be written.
    """
    with written_apart(target) as file:
        reading = _Reading(source, file)
        reading.read(track, stamp.size)
        arrays = reading.arrays()
        for values in arrays.values():
            values.tofile(file)
        file.seek(0)
        file.write(_header({"points": (reading.written // 2, 2), **{n: v.shape for n, v in arrays.items()}}, stamp))
        file.flush()
        os.fsync(file.fileno())


def _header(shapes: Mapping[str, tuple[int, ...]], stamp: Stamp) -> bytes:
    """The first bytes of a safetensors file, of fixed length: points are written before their number is known."""
    header: dict[str, Any] = {"__metadata__": stamp.as_metadata()}
    end = 0
    for name, (kind, dtype, _) in ARRAYS.items():
        start, end = end, end + int(np.prod(shapes[name])) * np.dtype(dtype).itemsize
        header[name] = {"dtype": kind, "shape": list(shapes[name]), "data_offsets": [start, end]}
    length = HEADER_SIZE - 8
    return length.to_bytes(8, "little") + json.dumps(header).encode().ljust(length)


class _Reading:
    """The JSON as it is read: points go to the file, the small rest into flat arrays."""

    def __init__(self, source: Path, file: BinaryIO) -> None:
        self.source, self.file = source, file
        self.file.seek(HEADER_SIZE)
        self.written = 0
        self.points = array("d")
        """x, y, x, y ... of polygons that are not yet written."""
        self.pending: list[tuple[int, object]] = []
        """Of each of those polygons its end in `points`, and its annotation's id."""
        self.part_starts = array("q", [0])
        self.first_parts, self.part_counts, self.owners = array("q"), array("q"), array("q")
        self.box_areas = array("d")
        self.image_ids, self.sizes, self.name_starts = array("q"), array("q"), array("q", [0])
        self.names = bytearray()

    def read(self, track: Track, size: int) -> None:
        """The whole JSON. Each of its two lists is looked for until the other one follows it."""
        lists = {"images": self._add_image, "annotations": self._add_annotation}
        found = {name: ijson.sendable_list() for name in lists}
        parsers = {name: ijson.items_coro(found[name], f"{name}.item", use_float=True) for name in lists}
        begun: set[str] = set()
        bounds = JsonBounds()
        try:
            for chunk in track(self._chunks(), -(-size // _MIB)):
                if fault := bounds.fault(chunk):
                    self._fail(fault)
                for parser in parsers.values():
                    parser.send(chunk)
                here = {name for name in parsers if found[name]}
                begun |= here
                for name in here:
                    for entry in found[name]:
                        lists[name](entry)
                    found[name].clear()
                if len(begun) == 2 and len(here) == 1:
                    parsers = {name: parsers[name] for name in here}
            for parser in parsers.values():
                parser.close()
        except ijson.JSONError as error:
            reason = error.args[0] if error.args else ""
            text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            self._fail(f"it is no JSON: {text.strip().splitlines()[0].rstrip('.')}")
        if self.part_starts[-1] % 2:
            self.points.extend((0, 0))  # so that the numbers of 8 bytes that follow lie where they can be read at once
        self._flush()
        for name in lists:
            if name not in begun:
                self._fail(f"it lists no {name}")

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All but the points, in the order of the file; instances by image, within an image in the JSON's order."""
        ids = _flat(self.image_ids)
        order = np.argsort(ids)
        if len(twice := np.flatnonzero(np.diff(ids[order]) == 0)):
            self._fail(f"two images have the id {ids[order][twice[0]]}")
        owners = _flat(self.owners)
        places = np.minimum(np.searchsorted(ids, owners, sorter=order), len(ids) - 1)
        images = order[places]
        if len(strangers := np.flatnonzero(ids[images] != owners)):
            self._fail(f"annotations belong to the image {owners[strangers[0]]}, which it does not list")
        if not len(images):
            self._fail("none of its annotations has a polygon")
        by_image = np.argsort(images, kind="stable")
        counts = np.bincount(images, minlength=len(ids))
        made = {
            "part_starts": _flat(self.part_starts),
            "first_parts": _flat(self.first_parts)[by_image],
            "part_counts": _flat(self.part_counts)[by_image],
            "box_areas": np.frombuffer(self.box_areas, np.float64)[by_image],
            "instance_starts": np.concatenate(([0], np.cumsum(counts))),
            "sizes": _flat(self.sizes).reshape(-1, 2),
            "name_starts": _flat(self.name_starts),
            "names": np.frombuffer(self.names, np.uint8),
        }
        return {name: made[name].astype(ARRAYS[name][1], copy=False) for name in ARRAYS if name != "points"}

    def _chunks(self) -> Iterator[bytes]:
        try:
            with self.source.open("rb") as file:
                while chunk := file.read(_MIB):
                    yield chunk
        except OSError as error:
            raise VisorVosError(f"{self.source} cannot be read: {error.strerror or error}.", "Check it.") from error

    def _add_image(self, entry: object) -> None:
        where = f"image number {len(self.image_ids) + 1}"
        index, name, height, width = (self._field(entry, key, where) for key in ("id", "file_name", "height", "width"))
        self.image_ids.append(self._integer(index, f"{where}, id"))
        if not isinstance(name, str) or not is_safe_path(name):
            self._fail(f"{where}, file_name: {_shown(name)} is no name of a file in the folder of images")
        self.names += name.encode()
        self.name_starts.append(len(self.names))
        for key, value in (("height", height), ("width", width)):
            side = self._integer(value, f"{where}, {key}")
            if not 0 < side <= _FARTHEST:
                self._fail(f"{where}, {key}: {side} is not within 1 to {_FARTHEST}")
            self.sizes.append(side)

    def _add_annotation(self, entry: object) -> None:
        label = "that is none"
        if isinstance(entry, dict):
            label = _shown(entry["id"]) if "id" in entry else "without an id"
        where = f"annotation {label}"
        owner = self._integer(self._field(entry, "image_id", where), f"{where}, image_id")
        polygons, box = self._field(entry, "segmentation", where), self._field(entry, "bbox", where)
        crowd = self._field(entry, "iscrowd", where)
        if crowd not in (0, 1):
            self._fail(f"{where}, iscrowd: {_shown(crowd)} is neither 0 nor 1")
        if crowd:
            return
        if not isinstance(polygons, list):
            self._fail(f"{where}, segmentation: no list of polygons, though it is not marked as a crowd")
        first = len(self.part_starts) - 1
        for polygon in polygons:
            self._add_polygon(polygon, label, f"{where}, segmentation")
        count = len(self.part_starts) - 1 - first
        if count:
            self.owners.append(owner)
            self.first_parts.append(first)
            self.part_counts.append(count)
            self.box_areas.append(self._area(box, f"{where}, bbox"))
        if len(self.points) > _BATCH:
            self._flush()

    def _add_polygon(self, polygon: object, label: object, where: str) -> None:
        if not isinstance(polygon, list) or len(polygon) % 2:
            self._fail(f"{where}: a polygon is no list of an even number of coordinates")
        if len(polygon) < 6:
            return  # a line or a point, without area
        try:
            self.points.extend(polygon)
        except (TypeError, OverflowError):
            self._fail(f"{where}: a coordinate is no number")
        self.pending.append((len(self.points), label))
        self.part_starts.append((self.written + len(self.points)) // 2)

    def _area(self, box: object, where: str) -> float:
        if not isinstance(box, list) or len(box) != 4 or any(type(value) not in (int, float) for value in box):
            self._fail(f"{where}: {_shown(box)} is no list of x, y, width and height")
        if box[2] < 0 or box[3] < 0:
            self._fail(f"{where}: {box} has a negative side")
        return float(box[2] * box[3])

    def _flush(self) -> None:
        """Checks and writes the points that have gathered."""
        points = np.frombuffer(self.points, np.float64)
        # Not ">": that would let NaN pass.
        beyond = np.flatnonzero(~(np.abs(points) <= _FARTHEST))
        if len(beyond):
            label = next(label for end, label in self.pending if end > beyond[0])
            self._fail(f"annotation {label}, segmentation: the coordinate {points[beyond[0]]:g} is no pixel's")
        points.astype("<i2").tofile(self.file)
        self.written += len(points)
        self.points, self.pending = array("d"), []

    def _field(self, entry: object, key: str, where: str) -> Any:  # noqa: ANN401 - parsed JSON
        if not isinstance(entry, dict):
            self._fail(f"{where}: {_shown(entry)} is no object with fields")
        if key not in entry:
            self._fail(f"{where}: the field {key} is missing")
        return entry[key]

    def _integer(self, value: object, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            self._fail(f"{where}: {_shown(value)} is no integer")
        return value

    def _fail(self, what: str) -> NoReturn:
        raise VisorVosError(f"{self.source}: {what}.", _DOWNLOAD_AGAIN)


def _shown(value: object) -> str:
    """What a JSON holds, briefly, for a sentence."""
    return repr(value)[:60]


def _flat(values: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(values, np.int64)
