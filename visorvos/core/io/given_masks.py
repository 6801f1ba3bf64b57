"""The masks that a person gives for some frames of a video."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import fit_mask, is_black_and_white, mask_files, read_mask, replace_white
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError, listed

__all__ = ["GivenMasks", "open_masks"]

_LISTED = 5


class GivenMasks(Mapping[int, NDArray[np.uint8]]):
    """Masks by frame number, read when they are asked for, fitted to their frames.

    All are read and checked once when this is made, before any long work begins.

    Args:
        files: mask files by frame number, at least one.
        source: the frames.

    Raises:
        VisorVosError: where a mask cannot be used, or the first shows no object.
    """

    def __init__(self, files: Mapping[int, Path], source: FrameSource) -> None:
        self.files = dict(sorted(files.items()))
        self._source = source
        self.palette = DAVIS_PALETTE
        """Colors of the first mask that has any, else DAVIS's."""
        shown: dict[Path, frozenset[int]] = {}
        gray: set[Path] = set()
        digest = hashlib.sha256()
        for number, path in reversed(self.files.items()):
            mask = read_mask(path)
            fit_mask(mask.labels, *source.size, path)
            self.palette = mask.palette or self.palette
            if mask.palette is None:
                gray.add(path)
            shown[path] = frozenset(object_ids(mask.labels))
            digest.update(f"{number} {mask.labels.shape}".encode() + mask.labels.tobytes())
        self.ids: set[int] = set().union(*shown.values())
        """Every object id that any mask brings."""
        self._is_black_and_white = is_black_and_white(self.ids) and len(gray) == len(shown)
        self._check_ids(shown, gray)
        if self._is_black_and_white:
            self.ids = {1}
        self.checksum = digest.hexdigest()
        """Of all masks' content."""

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        path = self.files[number]
        labels = fit_mask(read_mask(path).labels, *self._source.size, path)
        return replace_white(labels, True) if self._is_black_and_white else labels

    def __iter__(self) -> Iterator[int]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)

    def _check_ids(self, shown: Mapping[Path, frozenset[int]], gray: Collection[Path]) -> None:
        first = next(iter(self.files.values()))
        if not shown[first]:
            raise VisorVosError(
                f"The mask {first} shows no object: all its pixels are 0.",
                "Mark each object with an id from 1 to 255, or a single object in white.",
            )
        if self._is_black_and_white or any(255 in ids and not is_black_and_white(ids) for ids in shown.values()):
            return
        for path, ids in shown.items():
            if is_black_and_white(ids) and path in gray:
                raise VisorVosError(
                    f"The mask {path} is black and white, but others hold object ids.",
                    "Save it with the id of the object that it shows.",
                )


def open_masks(path: Path, source: FrameSource) -> GivenMasks:
    """One mask file, for the first frame, or a folder of masks named as their frames.

    Args:
        path: the file or folder.
        source: the frames.

    Raises:
        VisorVosError: where there is none, a mask belongs to no frame, or one cannot be used.
    """
    if not path.is_dir():
        return GivenMasks({0: path}, source)
    files = mask_files(path)
    if not files:
        raise VisorVosError(f"There are no masks in {path}.", "Masks are .png (or .bmp) files named as their frames.")
    numbers = {name: source.number(name) for name in files}
    last = source.expected
    taken = Counter(numbers.values())
    twice = [files[name].name for name, number in numbers.items() if taken[number] > 1]
    if twice and None not in numbers.values():
        raise VisorVosError(f"In {path}, {' and '.join(twice[:2])} are masks of one frame.", "Keep one of the two.")
    lost = [name for name, number in numbers.items() if number is None or (last and number >= last)]
    if lost:
        raise VisorVosError(
            f"These masks in {path} belong to no frame of {source.path}: {listed(lost, _LISTED)}.",
            f"Name each mask as its frame; the first frame is {source.name(0)}.",
        )
    return GivenMasks({number: files[name] for name, number in numbers.items() if number is not None}, source)
