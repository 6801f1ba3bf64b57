"""The masks that a user gives for some frames of a video."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import WHITE, is_black_and_white, mask_files, read_mask, replace_white
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError, listed

_MAX_LISTED = 5


class GivenMasks(Mapping[int, NDArray[np.uint8]]):
    """Masks by frame number, uint8 of their frames' size, read when they are indexed.

    All are read and checked once when this object is made, before any long work begins.

    Args:
        path: a folder of masks named after their frames, or one mask: of the frame of its name, else of the first.
        source: the frames.
        track_255: whether 255 is an object where masks show other ids too, and not the border of objects.

    Raises:
        VisorVosError: if there are no masks, one belongs to no frame or cannot be used, or none shows an object.
    """

    def __init__(self, path: Path, source: FrameSource, track_255: bool = False) -> None:
        self.files = _by_number(path, source)
        self._source = source
        self.palette = DAVIS_PALETTE
        """Colors of the first mask that has any, else DAVIS's."""
        shown: dict[Path, set[int]] = {}
        gray: set[Path] = set()
        digest = hashlib.sha256()
        for number, path in reversed(self.files.items()):
            mask = read_mask(path, source.size)
            self.palette = mask.palette or self.palette
            if mask.palette is None:
                gray.add(path)
            shown[path] = set(object_ids(mask.labels))
            digest.update(f"{number} {mask.labels.shape}".encode() + mask.labels.tobytes())
        self.checksum = digest.hexdigest()
        """Checksum of the content of all masks."""
        self.ids: set[int] = set().union(*shown.values())
        """Every object id that any mask shows."""
        white_only = is_black_and_white(self.ids)
        self._white_is_one = white_only and len(gray) == len(shown)
        self.ignores_255 = WHITE in self.ids and not white_only and not track_255
        """Whether 255 marks pixels that belong to no object."""
        if self.ignores_255 and not any(WHITE in ids and len(ids) > 1 for ids in shown.values()):
            white = next((path for path, ids in shown.items() if is_black_and_white(ids) and path in gray), None)
            if white is not None:
                raise VisorVosError(
                    f"The mask {white} is black and white, but others hold object ids.",
                    "Save it with the id of the object that it shows.",
                )
        ignored = {WHITE} if self.ignores_255 else set()
        self.ids = {1} if self._white_is_one else self.ids - ignored
        first = next((number for number, path in self.files.items() if shown[path] - ignored), None)
        if first is None:
            path, value = next(iter(self.files.values())), "0 or 255" if self.ids or ignored else "0"
            raise VisorVosError(
                f"The mask {path} shows no object: all its pixels are {value}."
                if len(shown) == 1
                else f"None of the {len(shown)} masks in {path.parent} shows an object: all their pixels are {value}.",
                "Mark each object with an id from 1 to 255, or a single object in white.",
            )
        self.first = first
        """Number of the first frame whose mask shows an object."""

    def __getitem__(self, number: int) -> NDArray[np.uint8]:
        labels = read_mask(self.files[number], self._source.size).labels
        return replace_white(labels, self._white_is_one) if self._white_is_one or self.ignores_255 else labels

    def __iter__(self) -> Iterator[int]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def _by_number(path: Path, source: FrameSource) -> dict[int, Path]:
    """The files of the masks by frame number, in ascending order."""
    if not path.exists():
        raise VisorVosError(f"Masks not found: {path}", "Give the mask of the first frame, or a folder of masks.")
    if not path.is_dir():
        number = source.number(path.stem)
        return {0 if number is None or source.name(number) != path.stem else number: path}
    files = mask_files(path)
    if not files:
        raise VisorVosError(f"There are no masks in {path}.", "Save them as PNG, named after their frames.")
    numbers = {name: source.number(name) for name in files}
    lost = [name for name, number in numbers.items() if number is None]
    if lost:
        raise VisorVosError(
            f"These masks in {path} belong to no frame of {source.path}: {listed(lost, _MAX_LISTED)}.",
            f"Name each mask as its frame; the first frame is {source.name(0)}.",
        )
    taken = Counter(numbers.values())
    twice = [files[name].name for name, number in numbers.items() if taken[number] > 1]
    if twice:
        raise VisorVosError(f"In {path}, {' and '.join(twice[:2])} are masks of one frame.", "Remove one of them.")
    return dict(sorted((number, files[name]) for name, number in numbers.items() if number is not None))
