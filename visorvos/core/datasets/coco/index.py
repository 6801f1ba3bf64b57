"""COCO's instances by image, in a folder of arrays that is made once and mapped into memory."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from visorvos.core.datasets.coco.annotations import read_annotations
from visorvos.core.io.atomic import write_file
from visorvos.core.io.images import read_frame
from visorvos.core.io.paths import cache_folder
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError

_VERSION = 3


class CocoIndex:
    """The images of a split, numbered from 0, and their instances, numbered image by image.

    Pickled, it is paths alone: a worker process maps the same files, and shares their memory.

    Args:
        folder: the index, a folder of the arrays that `read_annotations` returns.
        source: the JSON.
        images: the folder of images.
    """

    def __init__(self, folder: Path, source: Path, images: Path) -> None:
        self.folder, self.source, self.images = folder, source, images
        self._arrays = {path.stem: np.load(path, mmap_mode="r") for path in folder.glob("*.npy")}
        self.instance_starts: NDArray[np.int64] = self._arrays["instance_starts"]
        """First instance of each image, and their number. Instances of an image are in the JSON's order."""
        self.box_areas: NDArray[np.float64] = self._arrays["box_areas"]
        """Width times height of each instance's box, in pixels."""

    def __reduce__(self) -> tuple[Any, ...]:
        return CocoIndex, (self.folder, self.source, self.images)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._arrays["sizes"])

    def describe(self) -> str:
        """Numbers of images and instances, and a checksum that changes with their names or sizes."""
        names = self._arrays["names"].tolist()
        checksum = zlib.crc32(b"".join(names))
        starts = np.cumsum([0, *map(len, names)])
        for array in (starts, self.instance_starts, self.box_areas, self._arrays["polygon_ends"]):
            checksum = zlib.crc32(array.tobytes(), checksum)
        return f"{len(names)} images, {len(self.box_areas)} instances, {checksum:08x}"

    def name(self, image: int) -> str:
        """An image's file name."""
        return str(self._arrays["names"][image], "utf-8")

    def polygons(self, instance: int) -> list[NDArray[np.int32]]:
        """The polygons of an instance, at least one: each int32 (P, 2) of x, y, truncated to integers."""
        first, last = self._arrays["polygons"][instance]
        ends = self._arrays["polygon_ends"][first : last + 1].tolist()
        return [self._arrays["points"][start:end].astype(np.int32) for start, end in pairwise(ends)]

    def read_frame(self, image: int) -> NDArray[np.uint8]:
        """An image as uint8 (H, W, 3) RGB, not rotated as EXIF data may say, because the annotations are not either.

        Raises:
            VisorVosError: when it is missing, cannot be read, or has another size than the JSON says.
        """
        frame = read_frame(self.images / self.name(image), rotate=False)
        height, width = self._arrays["sizes"][image].tolist()
        if height and width and frame.shape[:2] != (height, width):
            size = f"{width}x{height} as in {self.source}, got {frame.shape[1]}x{frame.shape[0]}"
            remedy = "Download images and annotations of the same release."
            raise VisorVosError(f"Image {self.images / self.name(image)} must be {size}.", remedy)
        return frame


def open_coco(root: Path, split: str = "train2017", progress: Progress | None = None) -> CocoIndex:
    """Opens a split of COCO, or of a data set in its format.

    The index lies in the cache folder. It is built when the JSON is new or changed, or images were added or removed.

    Args:
        root: folder with ``annotations/instances_SPLIT.json`` (or ``instances_default.json``, or ``.json.gz``) and the
            images in ``SPLIT/``, ``images/SPLIT/``, ``images/default/`` or ``images/``.
        split: name of the split.
        progress: receives a line when the index is built, and one about what was left out.

    Raises:
        VisorVosError: when annotations or images are missing or cannot be used, or the index cannot be written.
    """
    progress = progress or Progress()
    names = [f"instances_{name}.json{end}" for name in (split, "default") for end in ("", ".gz")]
    folders = (split, f"images/{split}", "images/default", "images")
    source = _first("Annotations", Path.is_file, [root / "annotations" / name for name in names])
    images = _first("Images", Path.is_dir, [root / name for name in folders])
    home = cache_folder() / "coco" / f"{source.stem}-{hashlib.sha256(os.fsencode(source)).hexdigest()[:16]}"
    made_from = (_VERSION, images, source.stat().st_size, source.stat().st_mtime_ns, images.stat().st_mtime_ns)
    folder = home / hashlib.sha256(repr(made_from).encode(errors="surrogateescape")).hexdigest()[:16]
    left_out = folder / "left_out.txt"
    try:
        if not left_out.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            # Of several processes, one writes the index and the others wait. The text is written last.
            with FileLock(home / ".lock"):
                if not left_out.is_file():
                    progress.say(f"Indexing {source}, once.")
                    arrays, text = read_annotations(source, images)
                    for name, array in arrays.items():
                        np.save(folder / f"{name}.npy", array)
                    write_file(left_out, text)
                    # Outdated ones. Where the system does not let go of mapped files, they stay.
                    for other in home.iterdir():
                        if other not in (folder, home / ".lock"):
                            shutil.rmtree(other, ignore_errors=True)
    except OSError as error:
        raise VisorVosError(
            f"Cannot make the index {folder}: {error}.", "Set VISORVOS_HOME to a writable folder with enough room."
        ) from error
    if text := left_out.read_text(encoding="utf-8"):
        progress.say(f"{source.name}: left out {text}.")
    try:
        return CocoIndex(folder, source, images)
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise VisorVosError(f"The index {folder} is damaged.", "Delete that folder: it is built again.") from error


def _first(what: str, exists: Callable[[Path], bool], paths: list[Path]) -> Path:
    """The first of several paths that exists, without links."""
    found = next(filter(exists, paths), None)
    if found is None:
        expected = "annotations/instances_SPLIT.json, and the images in SPLIT/ or images/SPLIT/"
        raise VisorVosError(f"{what} not found: {paths[0]}.", f"--coco must be a folder that contains {expected}.")
    return found.resolve()
