"""DAVIS-shaped data sets: JPEGImages, Annotations and ImageSets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pydantic import TypeAdapter, ValidationError

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.images import FRAME_SUFFIXES, list_images
from visorvos.core.io.masks import mask_files
from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError

__all__ = ["DataSet", "VideoSequence", "check_name", "read_mapping", "read_names"]

_RESOLUTION = "480p"
_NAMES = TypeAdapter(dict[int, str])
_MAPPING = TypeAdapter(dict[str, dict[int, str]])


@dataclass(frozen=True)
class VideoSequence:
    """One video: its frames and masks, paired by name, in order."""

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]


def check_name(name: str, source: Path) -> str:
    """A name from a file that becomes part of a path: one folder's name and no more.

    Raises:
        VisorVosError: for a name that would lead elsewhere.
    """
    if not is_safe_name(name):
        raise VisorVosError(
            f"{source} names {name!r}, which cannot be the name of a sequence or frame.",
            "A name holds no slashes, colons or control characters and begins with no dot; mend the file.",
        )
    return name


@dataclass(frozen=True)
class DataSet:
    """A folder in DAVIS's shape, with or without the resolution level."""

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise VisorVosError(f"The data set {self.root} is no folder.", "Give its path with --data.")

    @cached_property
    def annotations(self) -> Path:
        return self._with_resolution("Annotations")

    @cached_property
    def images(self) -> Path:
        return self._with_resolution("JPEGImages")

    def sequences(self, split: str) -> list[str]:
        """The sequence names of a split, in the order of its list.

        Args:
            split: such as "val", or "2017/val" where several years have one of that name.

        Raises:
            VisorVosError: for a split that is not there, is there twice, or is empty.
        """
        path = self._split_file(split)
        lines = _read_lines(path)
        # DAVIS 2016 lists a frame and its mask a line: /JPEGImages/480p/bear/00000.jpg /Annotations/...
        listed = [PurePosixPath(line.split()[0]).parent.name if "/JPEGImages/" in line else line for line in lines]
        names = [check_name(name.strip(), path) for name in listed if name.strip()]
        if not names:
            raise VisorVosError(f"The list {path} names no sequence.", "Prepare the data set again.")
        if listed == lines and len(set(names)) < len(names):
            name = next(name for name in names if names.count(name) > 1)
            raise VisorVosError(f"The list {path} names {name} twice.", "List each sequence once.")
        return list(dict.fromkeys(names))

    def splits(self) -> dict[str, Path]:
        """The lists in ImageSets by their names, such as "2022/val"."""
        lists = self.root / "ImageSets"
        return {path.relative_to(lists).with_suffix("").as_posix(): path for path in sorted(lists.rglob("*.txt"))}

    def has_split(self, split: str) -> bool:
        """Whether `sequences` would find a list of that name."""
        return len(self._lists_named(split)) == 1

    def sequence(self, name: str) -> VideoSequence:
        """The frames and masks of one sequence.

        Raises:
            VisorVosError: where either is missing, naming the frames.
        """
        frames = {path.stem: path for path in list_images(self.images / name, FRAME_SUFFIXES)}
        masks = mask_files(self.annotations / name)
        if not frames:
            raise VisorVosError(f"There are no frames in {self.images / name}.", "Prepare the data set again.")
        unpaired = sorted(frames.keys() ^ masks.keys())
        if unpaired:
            lacking = "mask" if unpaired[0] in frames else "frame"
            raise VisorVosError(
                f"Sequence {name}: {unpaired[0]} has no {lacking} ({len(unpaired)} unpaired in all) "
                f"in {self.annotations / name if lacking == 'mask' else self.images / name}.",
                "Every frame needs a mask of its own name; prepare the data set again.",
            )
        return VideoSequence(name, tuple(frames.values()), tuple(masks[stem] for stem in frames))

    def unseen(self, split: str) -> frozenset[str] | None:
        """The sequences of a split from kitchens that training has not seen, ``SPLIT_unseen.txt`` beside its list.

        None where there is no such list, or it names none.
        """
        path = self._split_file(split)
        beside = path.with_name(f"{path.stem}_unseen.txt")
        names = frozenset(name.strip() for name in _read_lines(beside)) if beside.is_file() else frozenset()
        return names - {""} or None

    def object_names(self, split: str) -> dict[str, dict[int, str]]:
        """Object names by sequence and id, from ``SPLIT_data_mapping.json``; empty where there is none.

        ``val_unseen`` is a part of ``val`` and has its names there.
        """
        for stem in (Path(split).name, Path(split).name.split("_")[0]):
            path = self.root / f"{stem}_data_mapping.json"
            if path.is_file():
                return read_mapping(path)
        return {}

    def _with_resolution(self, kind: str) -> Path:
        folder = self.root / kind
        if not folder.is_dir():
            raise VisorVosError(
                f"{self.root} has no folder {kind}.",
                "Give a data set in DAVIS's shape: JPEGImages, Annotations, ImageSets.",
            )
        deeper = folder / _RESOLUTION
        return deeper if deeper.is_dir() else folder

    def _split_file(self, split: str) -> Path:
        found = self._lists_named(split)
        if len(found) == 1:
            return next(iter(found.values()))
        lists = self.root / "ImageSets"
        if found:
            raise VisorVosError(
                f"The split {split} is there several times in {lists}: {', '.join(found)}.",
                f"Say which one, for example --split {list(found)[-1]}",
            )
        known = self.splits()
        names = f"It has: {', '.join(known)}." if known else f"There are no lists in {lists}."
        raise VisorVosError(f"{self.root} has no split named {split}.", names)

    def _lists_named(self, split: str) -> dict[str, Path]:
        """The lists that a split's name may mean."""
        known = self.splits()
        if split in known:
            return {split: known[split]}
        return {key: path for key, path in known.items() if key.endswith(f"/{split}")}


def _read_lines(path: Path) -> list[str]:
    try:
        return read_bytes(Location(path)).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise VisorVosError(f"The list {path} cannot be read: {error}.", "Restore the file.") from error


def read_mapping(path: Path) -> dict[str, dict[int, str]]:
    """A mapping file, ``{sequence: {"1": name, ...}}``.

    Raises:
        VisorVosError: where it is not of that form.
    """
    try:
        return _MAPPING.validate_json(read_bytes(Location(path)))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ", ".join(str(level)[:80] for level in fault["loc"])
        raise VisorVosError(
            f"The mapping {path} cannot be read: {where}{': ' if where else ''}{fault['msg']}.",
            'It should hold {"sequence": {"1": "name"}}.',
        ) from error


def read_names(path: Path, sequence: str) -> dict[int, str]:
    """The object names of one clip: from ``{"1": name, ...}``, or a mapping file that has the sequence.

    Raises:
        VisorVosError: where it is neither, or the mapping does not know the sequence.
    """
    content = read_bytes(Location(path))
    try:
        return _NAMES.validate_json(content)
    except ValidationError:
        mapping = read_mapping(path)
    if sequence not in mapping:
        raise VisorVosError(
            f"The mapping {path} has no sequence {sequence}.",
            'Name the folder of frames as the sequence, or give a file that holds {"1": "name"}.',
        )
    return mapping[sequence]
