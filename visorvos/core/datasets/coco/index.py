"""COCO's instances by image, in an index that is made once and mapped into memory."""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.coco.index_build import ARRAYS, HEADER_SIZE, Stamp, Track, build_index
from visorvos.core.io.atomic import make_folder
from visorvos.core.io.images import open_image
from visorvos.core.io.paths import cache_folder, is_safe_name, is_safe_path
from visorvos.errors import VisorVosError

__all__ = ["CocoIndex", "open_coco"]

_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")


class CocoIndex:
    """The images of a split, by number from 0, and the instances that have polygons, numbered image by image.

    Pickled, it is the paths alone: a worker maps the same file, and shares its memory.

    Args:
        source: the JSON.
        index: its index.
        images: the folder of images.
        stamp: the JSON's, which the index must bear.

    Raises:
        VisorVosError: where the index is not the JSON's, or is damaged.
    """

    def __init__(self, source: Path, index: Path, images: Path, stamp: Stamp) -> None:
        arrays = _mapped(index, stamp)
        if arrays is None:
            raise VisorVosError(f"The index {index} is not, or no longer, that of {source}.", "Start again.")
        self.source, self.index, self.images, self.stamp = source, index, images, stamp
        self.instance_starts: NDArray[np.int64] = arrays["instance_starts"]
        """Of each image its first instance, and one more: their number. Those of an image are in the JSON's order."""
        self.box_areas: NDArray[np.float64] = arrays["box_areas"]
        """Of each instance: width times height of its box, in pixels."""
        self._points, self._part_starts = arrays["points"], arrays["part_starts"]
        self._first_parts, self._part_counts = arrays["first_parts"], arrays["part_counts"]
        self._sizes, self._names, self._name_starts = arrays["sizes"], arrays["names"], arrays["name_starts"]

    def __reduce__(self) -> tuple[Any, ...]:
        return CocoIndex, (self.source, self.index, self.images, self.stamp)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._sizes)

    def describe(self) -> str:
        """How many images and instances there are, and a checksum that differs where their names or sizes do."""
        checksum = 0
        for array in (self._names, self._name_starts, self.instance_starts, self.box_areas, self._part_starts):
            checksum = zlib.crc32(array.data, checksum)
        return f"{len(self)} images, {len(self.box_areas)} instances, {checksum:08x}"

    def name(self, image: int) -> str:
        """An image's file name.

        Raises:
            VisorVosError: where the index, which may come from elsewhere as the JSON may, names no file.
        """
        name = self._names[self._name_starts[image] : self._name_starts[image + 1]].tobytes().decode(errors="replace")
        if not is_safe_path(name):
            raise VisorVosError(f"{self.index} names the image {name[:60]!r}.", "Remove it: it is made anew.")
        return name

    def polygons(self, instance: int) -> list[NDArray[np.int32]]:
        """The polygons of an instance, at least one: each int32 (P, 2) of x, y, P at least 3, cut to integers."""
        first = int(self._first_parts[instance])
        starts = self._part_starts[first : first + int(self._part_counts[instance]) + 1].tolist()
        points = self._points[starts[0] : starts[-1]].astype(np.int32)
        return [points[start - starts[0] : end - starts[0]] for start, end in pairwise(starts)]

    def read_frame(self, image: int) -> NDArray[np.uint8]:
        """An image as uint8 (H, W, 3) RGB.

        It is not turned as EXIF data may say: the annotations are not either.

        Raises:
            VisorVosError: where it is missing, cannot be read, or is of another size than the JSON says.
        """
        path = self.images / self.name(image)
        self._check_file(path)
        with open_image(path, "image") as picture:
            width, height = picture.size
            if (height, width) != tuple(self._sizes[image]):
                told = f"{self._sizes[image, 1]}x{self._sizes[image, 0]}"
                raise VisorVosError(
                    f"The image {path} is {width}x{height}, and {told} in {self.source}.",
                    "Images and annotations are not of one release: download them again.",
                )
            if picture.mode not in _MODES:
                raise VisorVosError(
                    f"The image {path} has pixels of mode {picture.mode}, not 8 bits a channel.",
                    "Convert it to 8-bit RGB.",
                )
            return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))

    def check_images(self) -> None:
        """Looks for the first image alone.

        Raises:
            VisorVosError: where it is not there.
        """
        self._check_file(self.images / self.name(0))

    def _check_file(self, path: Path) -> None:
        if not path.is_file():
            raise VisorVosError(
                f"The image {path} is missing, which {self.source} lists.",
                f"Unpack {self.images.name}.zip, so that its images lie in {self.images}.",
            )


def open_coco(root: Path, split: str = "train2017", track: Track | None = None) -> CocoIndex:
    """Opens a split of COCO; the first time, or where the JSON has changed, its index is built.

    Args:
        root: the folder that holds ``annotations/instances_SPLIT.json`` and ``SPLIT/`` or ``images/SPLIT/``.
        split: which.
        track: hears of progress while the index is built; else nobody does.

    Raises:
        VisorVosError: where JSON or images are missing, the JSON is broken, or no folder can be written to.
    """
    if not is_safe_name(split):
        raise VisorVosError(f"{split!r} cannot be a split of COCO.", "Give its name, such as train2017.")
    source = root / "annotations" / f"instances_{split}.json"
    if not source.is_file():
        raise VisorVosError(
            f"There is no {source}.",
            f"Give with --coco the folder that holds annotations/instances_{split}.json and {split}/.",
        )
    images = next((folder for folder in (root / split, root / "images" / split) if folder.is_dir()), None)
    if images is None:
        raise VisorVosError(
            f"There is no folder {root / split}, nor {root / 'images' / split}.",
            f"Unpack {split}.zip there; the folder holds the images.",
        )
    source, stamp = source.resolve(), Stamp.of(source)
    index = _find(source, stamp) or _build(source, stamp, track or _untracked)
    opened = CocoIndex(source, index, images.resolve(), stamp)
    opened.check_images()
    return opened


def _places(source: Path) -> list[Path]:
    """Where an index may lie: beside the JSON, or in the user's cache under a name of that JSON's own."""
    own = hashlib.sha256(str(source).encode()).hexdigest()[:16]
    return [source.with_suffix(".index"), cache_folder() / "coco" / f"{source.stem}-{own}.index"]


def _find(source: Path, stamp: Stamp) -> Path | None:
    return next((place for place in _places(source) if _mapped(place, stamp) is not None), None)


def _build(source: Path, stamp: Stamp, track: Track) -> Path:
    beside, cached = _places(source)
    try:
        build_index(source, beside, stamp, track)
        return beside
    except OSError:
        make_folder(cached.parent)
    try:
        build_index(source, cached, stamp, track)
        return cached
    except OSError as error:
        raise VisorVosError(
            f"The index of {source} can be written neither beside it nor as {cached}: {error.strerror or error}.",
            "Set the environment variable VISORVOS_HOME to a folder that can be written to and has room.",
        ) from error


def _untracked(chunks: Iterable[bytes], total: int) -> Iterable[bytes]:
    return chunks


def _mapped(index: Path, stamp: Stamp) -> dict[str, NDArray[Any]] | None:
    """The arrays of an index, or None where there is none that bears the stamp and is whole."""
    try:
        with index.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        header = json.loads(content[8:HEADER_SIZE])
        if header["__metadata__"] != stamp.as_metadata():
            return None
        arrays, start = {}, HEADER_SIZE
        for name, (_, dtype, inner) in ARRAYS.items():
            length, *rest = header[name]["shape"]
            if tuple(rest) != inner:
                return None
            values = np.frombuffer(content, dtype, length * math.prod(inner), start)
            arrays[name], start = values.reshape(length, *inner), start + values.nbytes
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return arrays if start == len(content) and _is_consistent(arrays) else None


def _is_consistent(arrays: dict[str, NDArray[Any]]) -> bool:
    """Whether no number leads outside the arrays, as it would where some of them are zeroed."""
    first_parts, part_counts, part_starts = (arrays[name] for name in ("first_parts", "part_counts", "part_starts"))
    images, instances, points = (len(arrays[name]) for name in ("sizes", "box_areas", "points"))
    return (
        len(first_parts) == len(part_counts) == instances
        and first_parts.min(initial=0) >= 0
        and part_counts.min(initial=1) >= 1
        and (first_parts + part_counts).max(initial=0) < len(part_starts)
        and any(_leads(part_starts, len(part_starts) - 1, end) for end in (points, points - 1))
        and _leads(arrays["instance_starts"], images, instances)
        and _leads(arrays["name_starts"], images, len(arrays["names"]))
    )


def _leads(starts: NDArray[Any], entries: int, end: int) -> bool:
    """Whether starts ascend from 0 to the end, one for each entry and one more."""
    return len(starts) == entries + 1 and starts[0] == 0 and starts[-1] == end and bool((np.diff(starts) >= 0).all())
