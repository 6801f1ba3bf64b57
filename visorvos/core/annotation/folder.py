"""A session's folder: OUT/masks, OUT/given, OUT/names.json and OUT/annotate.json, each file written whole."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ValidationError

from visorvos.core.annotation.known import Runs
from visorvos.core.annotation.objects import ObjectEntry
from visorvos.core.io.atomic import clear_parts, make_folder, write_file
from visorvos.core.io.frames import FrameSource
from visorvos.core.io.masks import read_mask
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.errors import VisorVosError

Labels = NDArray[np.uint8]

_CLOCK_STEP = 2.0
"""Seconds; file systems round a file's time by as much."""


class SourceRecord(BaseModel):
    """The video that a session belongs to."""

    path: str
    frames: int
    width: int
    height: int
    names: str
    """Digest of the frames' names: the masks are called the same."""
    files: str = ""
    """Checksum of the frames' files, empty until they have been read."""

    @classmethod
    def of(cls, source: FrameSource, frames: int) -> SourceRecord:
        """The record of a source with that number of frames."""
        height, width = source.size
        names = json.dumps([source.name(number) for number in range(frames)])
        digest = hashlib.sha256(names.encode()).hexdigest()
        return cls(path=str(source.path), frames=frames, width=width, height=height, names=digest)


class Record(BaseModel):
    """The content of `annotate.json`."""

    version: Literal[1] = 1
    visorvos: str
    source: SourceRecord
    settings: dict[str, Any]
    objects: list[ObjectEntry] = []
    next_id: int = 1
    """Above every id that was ever used."""
    given: list[int] = []
    masks: Runs = []
    stale: Runs = []
    backward: Runs = []
    """Frames whose mask came from a later frame."""
    presence: dict[int, Runs] = {}
    """Frames that show an object, by its id."""


class SessionFolder(Mapping[int, Labels]):
    """The files of one session. As a mapping: the masks on disk by frame number, each read when asked for.

    Args:
        root: OUT.
        source: the frames, for their names and size.
    """

    def __init__(self, root: Path, source: FrameSource) -> None:
        self.root = root
        self.source = source
        self.shape = source.size
        for folder in (root / "masks", root / "given"):
            make_folder(folder)
            clear_parts(folder)

    def mask_file(self, number: int) -> Path:
        return self.root / "masks" / f"{self.source.name(number)}.png"

    def given_file(self, number: int) -> Path:
        return self.root / "given" / f"{self.source.name(number)}.png"

    def __getitem__(self, number: int) -> Labels:
        path = self.mask_file(number)
        if not path.is_file():
            raise KeyError(number)
        return self.read(path)

    def read(self, path: Path) -> Labels:
        """The ids of a mask file.

        Raises:
            VisorVosError: if it cannot be read or has another size than the frames.
        """
        labels = read_mask(path).labels
        if labels.shape != self.shape:
            raise VisorVosError(
                f"The mask {path} must be {self.shape[1]}x{self.shape[0]}, got {labels.shape[1]}x{labels.shape[0]}.",
                "Restore the file, or remove it.",
            )
        return labels

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._numbers(self.root / "masks")))

    def __len__(self) -> int:
        return len(self._numbers(self.root / "masks"))

    def write(self, number: int, labels: Labels, given: bool) -> None:
        """Writes a mask; a given one goes to OUT/given first, so that it is never lost in between."""
        image = Image.fromarray(labels, mode="L")
        image.putpalette(DAVIS_PALETTE)
        png = io.BytesIO()
        image.save(png, format="PNG")
        if given:
            write_file(self.given_file(number), png.getbuffer())
        write_file(self.mask_file(number), png.getbuffer())

    def given_numbers(self) -> set[int]:
        """Frames with a given mask. Where a killed process left an older mask beside it, the given one counts."""
        numbers = self._numbers(self.root / "given")
        for number in numbers:
            png, mask = self.given_file(number).read_bytes(), self.mask_file(number)
            if not mask.is_file() or mask.read_bytes() != png:
                write_file(mask, png)
        return set(numbers)

    def remove(self, number: int, mask: bool) -> None:
        """Removes a frame's given mask and, if asked for, its mask."""
        self.given_file(number).unlink(missing_ok=True)
        if mask:
            self.mask_file(number).unlink(missing_ok=True)

    def newer_than(self, file_time: float) -> set[int]:
        """Frames whose masks may be newer than a file of that time."""
        times = self._numbers(self.root / "masks")
        return {number for number, time in times.items() if time > file_time - _CLOCK_STEP}

    @property
    def is_new(self) -> bool:
        """Whether there is no session yet."""
        return not (self.root / "annotate.json").is_file()

    def read_record(self) -> tuple[Record | None, float]:
        """What `annotate.json` holds and when it was written; None and 0 for a new session.

        Raises:
            VisorVosError: if it cannot be read.
        """
        path = self.root / "annotate.json"
        if self.is_new:
            return None, 0.0
        try:
            return Record.model_validate_json(path.read_bytes()), path.stat().st_mtime
        except (OSError, ValidationError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
            raise VisorVosError(
                f"The session file {path} cannot be read: {reason}.", "Restore it, or choose another --output."
            ) from error

    def write_record(self, record: Record) -> None:
        """Writes `annotate.json` and, from its objects, `names.json`."""
        names = {str(item.id): item.name for item in record.objects}
        write_file(self.root / "names.json", json.dumps(names, indent=1, ensure_ascii=False))
        write_file(self.root / "annotate.json", record.model_dump_json(indent=1))

    def _numbers(self, folder: Path) -> dict[int, float]:
        """Frame numbers and times of the PNGs in a folder."""
        found = {}
        with os.scandir(folder) as entries:
            for entry in entries:
                stem, suffix = os.path.splitext(entry.name)
                number = self.source.number(stem) if suffix == ".png" and stem[0] != "." else None
                if number is not None:
                    found[number] = entry.stat().st_mtime
        return found
