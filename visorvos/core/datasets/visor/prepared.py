"""The data set that ``visorvos prepare`` writes, in DAVIS's shape."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError

__all__ = ["HEIGHT", "WIDTH", "PreparedData"]

HEIGHT, WIDTH = 480, 854
"""Of frames and masks, and of submissions made from them."""


@dataclass(frozen=True)
class PreparedData:
    """A folder VISOR_2022: where its files are, and when they are done."""

    root: Path

    def jpeg(self, sequence: str, frame: str) -> Path:
        """The place of a frame."""
        return self._images / sequence / f"{frame}.jpg"

    def png(self, sequence: str, frame: str) -> Path:
        """The place of a mask."""
        return self._masks / sequence / f"{frame}.png"

    def has(self, sequence: str, frame: str) -> bool:
        """Whether frame and mask are there; both get their names when they are whole."""
        return self.jpeg(sequence, frame).is_file() and self.png(sequence, frame).is_file()

    def frames(self, sequence: str) -> int:
        """The number of frames that have a mask."""
        try:
            stems = [
                {Path(name).stem for name in os.listdir(folder / sequence) if name[0] != "."}
                for folder in (self._images, self._masks)
            ]
        except FileNotFoundError:
            return 0
        return len(stems[0] & stems[1])

    def forget(self, sequence: str, frame: str) -> None:
        """Removes a frame and its mask."""
        _remove(self.png(sequence, frame))
        _remove(self.jpeg(sequence, frame))

    def drop(self, sequence: str) -> None:
        """Removes a sequence."""
        for folder in (self._masks / sequence, self._images / sequence):
            shutil.rmtree(folder, ignore_errors=True)

    def listed(self, split: str) -> bool:
        """Whether lists and names of a split are there."""
        return all(path.is_file() for path in self._summaries(split))

    def unlist(self, split: str) -> None:
        """Removes lists and names of a split: they stand for finished data."""
        for path in self._summaries(split):
            _remove(path)

    def list_split(self, split: str, sequences: Iterable[str], names: Mapping[str, Mapping[str, str]]) -> None:
        """Writes the names of a split's objects and the list of its sequences, in the reference's form.

        Args:
            split: its name.
            sequences: those of the list.
            names: object name by id, by sequence; of dropped sequences too, as in the reference.
        """
        write_file(self._mapping(split), json.dumps(names))
        self.write_list(split, sequences)

    def write_list(self, name: str, sequences: Iterable[str]) -> None:
        """Writes one list, sorted, without a newline at its end."""
        write_file(self._list(name), "\n".join(sorted(sequences)))

    @property
    def _images(self) -> Path:
        return self.root / "JPEGImages" / "480p"

    @property
    def _masks(self) -> Path:
        return self.root / "Annotations" / "480p"

    def _list(self, name: str) -> Path:
        return self.root / "ImageSets" / "2022" / f"{name}.txt"

    def _mapping(self, split: str) -> Path:
        return self.root / f"{split}_data_mapping.json"

    def _summaries(self, split: str) -> tuple[Path, ...]:
        unseen = (self._list("val_unseen"),) if split == "val" else ()
        return (self._list(split), self._mapping(split), *unseen)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise VisorVosError(f"Cannot remove {path}: {error.strerror}.", "Check that its folder is writable.") from error
