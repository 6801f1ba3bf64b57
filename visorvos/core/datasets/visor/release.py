"""Where the annotations and frames of the VISOR release are: folders, zip files, or zip files in zip files."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from visorvos.core.io.archives import Location, members, read_bytes
from visorvos.core.io.images import FRAME_SUFFIXES
from visorvos.errors import VisorVosError

__all__ = ["AnnotationFile", "FrameFiles", "find_annotations"]

SPARSE, DENSE, FRAMES = "annotations", "Interpolations-DenseAnnotations", "rgb_frames"
"""Folders of the release."""

_DEEPEST = 8
_SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class AnnotationFile:
    """The JSON of one video."""

    location: Location
    checksum: str
    """Changes when the content does; the same on disk and in a zip file."""

    def read(self) -> bytes:
        """The JSON's bytes."""
        return read_bytes(self.location)


@dataclass(frozen=True)
class _Entry:
    """A file met on a walk, or a folder or zip file at which the walk was told to stop."""

    location: Location
    parts: tuple[str, ...]
    """Folders below the root and its own name; zip files that the walk entered count as folders."""
    size: int = 0
    """In bytes; 0 for a folder."""
    crc: int | None = None
    """Known of what lies in a zip file."""
    below: str = ""
    """For a folder in a zip file: what the names of its members start with."""


def find_annotations(
    root: Path, splits: Sequence[str], *, dense: bool, release: bool
) -> dict[str, list[AnnotationFile]]:
    """The JSON files of each split.

    Args:
        root: folder or zip file: of the whole release, or of JSON files (or zip files of them) that lie in
            folders named after splits, or flat where only one split is asked for.
        splits: those wanted.
        dense: whether to take the interpolated annotations of a release in place of the sparse.
        release: whether the root is the whole release.

    Returns:
        For each split at least one file, in the order of their names.

    Raises:
        VisorVosError: where a split has none, or files cannot be told apart by split.
    """
    skip = {FRAMES, SPARSE if dense else DENSE} if release else {FRAMES}
    by_split: dict[str, dict[str, _Entry]] = {}
    for entry in _walk(root, skip=skip):
        name = entry.parts[-1]
        if not name.endswith(".json") or name == "frame_mapping.json":
            continue
        if release and (DENSE if dense else SPARSE) not in entry.parts:
            continue
        split = next((part for part in reversed(entry.parts[:-1]) if part in _SPLITS), "")
        known = by_split.setdefault(split, {}).setdefault(name, entry)
        if known.location.inside and not entry.location.inside:
            by_split[split][name] = entry  # unpacked beside its zip file
    if set(by_split) == {""} and len(splits) == 1:
        by_split = {splits[0]: by_split[""]}
    for split in splits:
        if split not in by_split:
            raise _no_annotations(root, split, by_split)
    return {
        split: [AnnotationFile(entry.location, _checksum(entry)) for _, entry in sorted(by_split[split].items())]
        for split in splits
    }


def _no_annotations(root: Path, split: str, found: Collection[str]) -> VisorVosError:
    if "" in found:
        what = "JSON files that lie in no folder named after a split"
    else:
        what = f"those of {', '.join(sorted(found))}" if found else "no JSON file"
    return VisorVosError(
        f"{root} has no annotations of the split {split}; it has {what}.",
        "Give the release as downloaded, or folders named train and val; where only one split is there, "
        "or all files lie flat, say which it is with --split.",
    )


def _checksum(entry: _Entry) -> str:
    crc = zlib.crc32(read_bytes(entry.location)) if entry.crc is None else entry.crc
    return f"{entry.size}-{crc:08x}"


class FrameFiles:
    """The frames of videos, wherever they are.

    Args:
        root: folder or zip file in which, at any depth, a folder or zip file named after each video holds its
            frames; or which holds the frames of all videos itself.
        videos: those wanted.

    Raises:
        VisorVosError: where the root is missing or a zip file in it cannot be read.
    """

    def __init__(self, root: Path, videos: Collection[str]) -> None:
        self._places: dict[str, list[_Entry]] = {video: [] for video in videos}
        self._loose: list[tuple[Location, int]] = []
        for entry in _walk(root, stop=set(videos), skip={DENSE}):
            name = entry.parts[-1]
            if name in self._places:
                self._places[name].append(entry)
            elif len(entry.parts) == 1 and _is_frame(name):
                self._loose.append((entry.location, entry.size))
        for places in self._places.values():
            # Unpacked folders come before the zip files that may lie beside them.
            places.sort(key=lambda entry: entry.size > 0)

    def has(self, video: str) -> bool:
        """Whether there is a place that may hold frames of the video."""
        return bool(self._places[video] or self._loose)

    def of(self, video: str) -> dict[str, Location]:
        """The frames of a video by name without suffix; empty where the video is not there."""
        frames: dict[str, Location] = {}
        for place in self._places[video]:
            for location, _ in _frames_in(place):
                frames.setdefault(PurePosixPath(location.name).stem, location)
        for location, _ in self._loose:
            frames.setdefault(PurePosixPath(location.name).stem, location)
        return frames

    def checksum(self, video: str) -> str:
        """Changes when frames of the video come, go or change their size; reads no frame."""
        marks = []
        for place in self._places[video]:
            # A zip file's own size says enough, and the list of its members may cost much to read.
            files = [(place.location, place.size)] if place.size else _frames_in(place)
            marks += [f"{location.name} {size}" for location, size in files]
        marks += [f"{location.name} {size}" for location, size in self._loose]
        return hashlib.sha256("\n".join(sorted(marks)).encode()).hexdigest()[:16]


def _frames_in(place: _Entry) -> Iterator[tuple[Location, int]]:
    """The frames of one folder or zip file, each with its size in bytes."""
    path = place.location.path
    if place.location.inside or not path.is_dir():
        for info in members(place.location):
            if info.filename.startswith(place.below) and _is_frame(info.filename):
                yield place.location.member(info.filename), info.file_size
        return
    with os.scandir(path) as files:
        for file in sorted(files, key=lambda file: file.name):
            if _is_frame(file.name):
                yield Location(path / file.name), _size(file)


def _is_frame(name: str) -> bool:
    own = PurePosixPath(name)
    return own.suffix.lower() in FRAME_SUFFIXES and not own.name.startswith(".")


def _walk(root: Path, *, stop: Collection[str] = (), skip: Collection[str] = ()) -> Iterator[_Entry]:
    """All files below a folder or in a zip file; zip files met on the way are entered like folders.

    Args:
        root: the folder or zip file.
        stop: names of folders, and of zip files without suffix, that are given and not entered.
        skip: names of those that are passed over.
    """
    if root.is_dir():
        yield from _walk_folder(root, (), stop, skip)
    else:
        yield from _walk_zip(Location(root), (), stop, skip)


def _walk_folder(
    folder: Path, above: tuple[str, ...], stop: Collection[str], skip: Collection[str]
) -> Iterator[_Entry]:
    try:
        with os.scandir(folder) as found:
            files = sorted((file for file in found if file.name[0] != "."), key=lambda file: file.name)
    except OSError as error:
        raise VisorVosError(f"The folder {folder} cannot be read: {error.strerror}.", "Check the path.") from error
    for file in files:
        path = folder / file.name
        if _is_folder(file):
            if file.name in stop:
                yield _Entry(Location(path), (*above, file.name))
            elif file.name not in skip and len(above) < _DEEPEST:
                yield from _walk_folder(path, (*above, file.name), stop, skip)
        elif path.suffix.lower() != ".zip":
            yield _Entry(Location(path), (*above, file.name), _size(file))
        elif path.stem in stop:
            yield _Entry(Location(path), (*above, path.stem), _size(file))
        elif path.stem not in skip:
            yield from _walk_zip(Location(path), (*above, path.stem), stop, skip)


def _walk_zip(
    archive: Location, above: tuple[str, ...], stop: Collection[str], skip: Collection[str]
) -> Iterator[_Entry]:
    given = set()
    for info in members(archive):
        *folders, name = PurePosixPath(info.filename).parts
        stopped = next((level for level, folder in enumerate(folders, start=1) if folder in stop), None)
        own = PurePosixPath(name)
        if stopped is not None:
            below = "/".join(folders[:stopped]) + "/"
            if below not in given:
                given.add(below)
                yield _Entry(archive, (*above, *folders[:stopped]), below=below)
        elif any(folder in skip for folder in folders):
            continue
        elif own.suffix.lower() != ".zip":
            yield _Entry(archive.member(info.filename), (*above, *folders, name), info.file_size, info.CRC)
        elif own.stem in stop:
            yield _Entry(archive.member(info.filename), (*above, *folders, own.stem), info.file_size, info.CRC)
        elif own.stem not in skip and len(archive.inside) < _DEEPEST:
            yield from _walk_zip(archive.member(info.filename), (*above, *folders, own.stem), stop, skip)


def _is_folder(file: os.DirEntry[str]) -> bool:
    try:
        return file.is_dir()
    except OSError:
        return False  # a link to itself


def _size(file: os.DirEntry[str]) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0  # a dangling link: reading it is what will tell
