"""COCO's instances by image, in a folder of arrays that is made once and mapped into memory."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import zlib
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.coco.annotations import read_annotations
from visorvos.core.io.images import read_frame
from visorvos.core.io.paths import cache_folder, is_safe_name, is_safe_path
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.errors import VisorVosError

__all__ = ["CocoIndex", "open_coco"]

_VERSION = 2
_NAMES = (
    "points",  # (P, 2) int16: x, y of the corners of all polygons
    "polygon_ends",  # where each polygon ends in `points`, after a leading 0
    "first_polygons",  # of each instance; its others follow
    "polygon_counts",  # of each instance
    "box_areas",  # of each instance
    "instance_starts",  # of each image, and the number of instances
    "sizes",  # height, width of each image; 0 if unknown
    "names",  # file name of each image, UTF-8
)


class CocoIndex:
    """The images of a split, numbered from 0, and their instances, numbered image by image.

    Pickled, it is paths alone: a worker process maps the same files, and shares their memory.

    Args:
        source: the JSON.
        folder: the index, a folder of arrays.
        images: the folder of images.
        stamp: identifies the JSON and the folder of images that the index must have been built from.

    Raises:
        VisorVosError: when the index is missing, damaged or of other data.
    """

    def __init__(self, source: Path, folder: Path, images: Path, stamp: str) -> None:
        self.source, self.folder, self.images, self._stamp = source, folder, images, stamp
        try:
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _NAMES}
            meta = json.loads((folder / "meta.json").read_text())
            self._description, self.left_out = str(meta["description"]), str(meta["left_out"])
            is_current = meta["stamp"] == stamp
        except (OSError, ValueError, EOFError, KeyError, TypeError):
            is_current = False
        if not is_current:
            raise VisorVosError(f"The index {folder} of {source} is damaged or out of date.", "Start again.")
        self.instance_starts: NDArray[np.int64] = arrays["instance_starts"]
        """First instance of each image, and their number. Instances of an image are in the JSON's order."""
        self.box_areas: NDArray[np.float64] = arrays["box_areas"]
        """Width times height of each instance's box, in pixels."""
        self._points, self._ends, self._sizes = arrays["points"], arrays["polygon_ends"], arrays["sizes"]
        self._first_polygons, self._counts = arrays["first_polygons"], arrays["polygon_counts"]
        self._names = arrays["names"]

    def __reduce__(self) -> tuple[Any, ...]:
        return CocoIndex, (self.source, self.folder, self.images, self._stamp)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._sizes)

    def describe(self) -> str:
        """Numbers of images and instances, and a checksum that changes with their names or sizes."""
        return self._description

    def name(self, image: int) -> str:
        """An image's file name.

        Raises:
            VisorVosError: when the index, which may have been downloaded as the JSON may, names no file.
        """
        name: str = self._names[image].decode(errors="replace")
        if not is_safe_path(name):
            raise VisorVosError(f"The index {self.folder} names the image {name[:60]!r}.", "Delete the index.")
        return name

    def polygons(self, instance: int) -> list[NDArray[np.int32]]:
        """The polygons of an instance, at least one: each int32 (P, 2) of x, y, truncated to integers."""
        first = int(self._first_polygons[instance])
        ends = self._ends[first : first + int(self._counts[instance]) + 1].tolist()
        points = self._points[ends[0] : ends[-1]].astype(np.int32)
        return [points[start - ends[0] : end - ends[0]] for start, end in pairwise(ends)]

    def read_frame(self, image: int) -> NDArray[np.uint8]:
        """An image as uint8 (H, W, 3) RGB.

        It is not rotated as EXIF data may say, because the annotations are not either.

        Raises:
            VisorVosError: when it is missing, cannot be read, or has another size than the JSON says.
        """
        path = self.images / self.name(image)
        if not path.is_file():
            raise VisorVosError(f"Image not found: {path}, which {self.source} lists.", "Put it there again.")
        frame = read_frame(path, rotate=False)
        expected = tuple(self._sizes[image].tolist())
        if all(expected) and frame.shape[:2] != expected:
            raise VisorVosError(
                f"Image {path} must be {expected[1]}x{expected[0]} as in {self.source}, got "
                f"{frame.shape[1]}x{frame.shape[0]}.",
                "Download images and annotations of the same release.",
            )
        return frame


def open_coco(root: Path, split: str = "train2017", progress: Progress | None = None) -> CocoIndex:
    """Opens a split of COCO, or of a data set in its format. The index is built when the JSON or its images changed.

    Args:
        root: folder with ``annotations/instances_SPLIT.json`` (or ``instances_default.json``, or ``.json.gz``) and the
            images in ``SPLIT/``, ``images/SPLIT/``, ``images/default/`` or ``images/``.
        split: name of the split.
        progress: shows how the index is built, and what was left out.

    Raises:
        VisorVosError: when annotations or images are missing or cannot be used, or the index cannot be written.
    """
    if not is_safe_name(split):
        raise VisorVosError(f"--split must be the name of a split of COCO, got {split!r}.", "Try train2017.")
    progress = progress or NoProgress()
    names = [f"instances_{name}.json{end}" for name in (split, "default") for end in ("", ".gz")]
    files = [root / "annotations" / name for name in names]
    source = next((file for file in files if file.is_file()), None)
    if source is None:
        raise VisorVosError(
            f"Annotations not found: {files[0]}.",
            f"--coco must be the folder that contains annotations/{names[0]} and {split}/.",
        )
    folders = [root / split, root / "images" / split, root / "images" / "default", root / "images"]
    images = next((folder for folder in folders if folder.is_dir()), None)
    if images is None:
        raise VisorVosError(
            f"Images not found: no folder {folders[0]} or {folders[1]}.", f"Unzip {split}.zip in {root}."
        )
    source, images = source.resolve(), images.resolve()
    # Changes when the JSON does, or when images are added or removed.
    stat = source.stat()
    stamp = repr((_VERSION, stat.st_size, stat.st_mtime_ns, str(images), images.stat().st_mtime_ns))
    own = hashlib.sha256(str(source).encode()).hexdigest()[:16]
    places = [source.with_name(f"{source.name}.index"), cache_folder() / "coco" / f"{source.name}-{own}.index"]
    index = None
    for place in places:
        with suppress(VisorVosError):
            index = index or CocoIndex(source, place, images, stamp)
    index = index or CocoIndex(source, _build(source, images, places, stamp, progress), images, stamp)
    if index.left_out:
        progress.say(f"{source.name}: left out {index.left_out}.")
    return index


def _build(source: Path, images: Path, places: list[Path], stamp: str, progress: Progress) -> Path:
    """Writes the index beside the JSON, or else to the user's cache."""
    arrays, left_out = read_annotations(source, images, progress)
    meta = json.dumps({"stamp": stamp, "description": _describe(arrays), "left_out": left_out})
    failure: OSError | None = None
    for place in places:
        part, old = (place.with_name(f".{place.name}.{secrets.token_hex(4)}.{end}") for end in ("part", "old"))
        try:
            part.mkdir(parents=True)
            for name in _NAMES:
                np.save(part / f"{name}.npy", arrays[name])
            (part / "meta.json").write_text(meta)
            with suppress(FileNotFoundError):
                place.rename(old)
            part.rename(place)
            return place
        except OSError as error:
            failure = failure or error
        finally:
            shutil.rmtree(part, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    raise VisorVosError(
        f"Cannot write the index of {source} beside it or as {places[-1]}: {failure}.",
        "Set the environment variable VISORVOS_HOME to a writable folder with enough room.",
    )


def _describe(arrays: dict[str, NDArray[Any]]) -> str:
    names = arrays["names"].tolist()
    starts = np.cumsum([0, *map(len, names)])
    checksum = zlib.crc32(b"".join(names))
    for array in (starts, arrays["instance_starts"], arrays["box_areas"], arrays["polygon_ends"]):
        checksum = zlib.crc32(array.tobytes(), checksum)
    return f"{len(names)} images, {len(arrays['box_areas'])} instances, {checksum:08x}"
