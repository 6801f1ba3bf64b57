"""Finds annotations and frames of the VISOR release: in folders, in zip files, or in zip files in a zip file."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from visorvos.core.io.archives import Location, members, read_bytes
from visorvos.core.io.images import FRAME_SUFFIXES
from visorvos.errors import VisorVosError, listed
from visorvos.settings.prepare import PrepareSettings

SPARSE, DENSE, FRAMES = "annotations", "Interpolations-DenseAnnotations", "rgb_frames"
"""Folders of the release."""

_MAX_DEPTH = 12
_MAX_LISTED = 5
_SPLITS = ("train", "val", "test")
_DENSE_SUFFIX = "_interpolations"
_VIDEO = re.compile(r"P\d{2}_\d{2,3}")
_EPIC_FRAME = re.compile(r"frame_\d+")


@dataclass(frozen=True)
class ReleaseFile:
    """A file, or a folder or zip file that `_walk` did not enter."""

    location: Location
    parts: tuple[str, ...]
    """Folders below the root and its own name. Zip files that were entered count as folders."""
    size: int = 0
    """In bytes; 0 for a folder."""
    crc: int | None = None
    """Checksum of a file in a zip file."""

    @property
    def name(self) -> str:
        """Its own name; empty for the root."""
        return "".join(self.parts[-1:])

    @property
    def video(self) -> str:
        """The video that it is named after, if it is a JSON or zip file of annotations."""
        return PurePosixPath(self.name).stem.removesuffix(_DENSE_SUFFIX)

    @property
    def checksum(self) -> str:
        """Changes with the content; the same on disk and in a zip file."""
        crc = zlib.crc32(read_bytes(self.location)) if self.crc is None else self.crc
        return f"{self.size}-{crc:08x}"

    @property
    def is_zip(self) -> bool:
        """Whether its name says that it is a zip file."""
        return self.name.lower().endswith(".zip")

    @property
    def is_frame(self) -> bool:
        """Whether its name says that it is an image."""
        return self.name.lower().endswith(FRAME_SUFFIXES)

    @property
    def names(self) -> tuple[str, ...]:
        """`parts`, its own name without the suffix of a zip file."""
        return (*self.parts[:-1], self.name[:-4]) if self.is_zip else self.parts


def find_annotations(settings: PrepareSettings) -> dict[str, list[ReleaseFile]]:
    """Finds the JSON files of each split, of the videos that are asked for.

    The source is a folder or zip file of the whole release, or of JSON files (or zip files of them), either in folders
    named after splits or, if only one split is wanted, without.

    Returns:
        At least one file for each split, sorted by name. With `videos`, only splits that have one of them.

    Raises:
        VisorVosError: if a split or a video is missing, or files cannot be assigned to splits.
    """
    root, splits, videos, release = settings.source, settings.split, settings.videos, settings.release is not None
    kind, other = (DENSE, SPARSE) if settings.dense else (SPARSE, DENSE)
    skip = {FRAMES, other} if release else {FRAMES}

    def is_wanted(entry: ReleaseFile) -> bool:
        is_of_other = entry.is_zip and (_split_of(entry) not in ("", *splits) or _is_of_other(entry, videos))
        return skip.isdisjoint(entry.names) and not is_of_other

    found: dict[str, dict[str, ReleaseFile]] = {}
    for entry in _walk(ReleaseFile(Location(root), ()), is_wanted):
        # A zip file has no folders to leave out, only files with their paths.
        if entry.name == "frame_mapping.json" or not entry.name.endswith(".json") or not skip.isdisjoint(entry.parts):
            continue
        if not release or kind in entry.parts:
            of_split = found.setdefault(_split_of(entry), {})
            if entry.name not in of_split or not entry.location.inside:  # unpacked files replace those in zip files
                of_split[entry.name] = entry
    if set(found) == {""} and len(splits) == 1:
        found = {splits[0]: found[""]}
    missing = [split for split in splits if split not in found]
    if missing and not (videos and found.keys() - {""}):
        what = f"those of {', '.join(sorted(found))}" if found else "no JSON file"
        raise VisorVosError(
            f"{root} has no annotations of the split {missing[0]}; "
            f"it has {'JSON files outside folders named train or val' if '' in found else what}.",
            "Give the release as downloaded, or folders named train and val. For files of one split, add --split.",
        )
    files = {
        split: [file for _, file in sorted(found.get(split, {}).items()) if not videos or file.video in videos]
        for split in splits
    }
    known = {file.video for own in files.values() for file in own}
    unknown = [video for video in videos if video not in known]
    if unknown:
        raise VisorVosError(
            f"{root} has no annotations of {listed(unknown, _MAX_LISTED)} in {' or '.join(splits)}.",
            "Give other --videos, or another --split.",
        )
    return {split: own for split, own in files.items() if own}


def _split_of(entry: ReleaseFile) -> str:
    return next((part for part in reversed(entry.parts[:-1]) if part in _SPLITS), "")


def _is_of_other(entry: ReleaseFile, videos: Collection[str]) -> bool:
    """Whether it is a zip file that is named after a video, and not after one of these."""
    return bool(entry.is_zip and videos and entry.video not in videos and _VIDEO.fullmatch(entry.video))


class FrameFiles:
    """The frames of videos, in whichever form they are stored.

    Args:
        root: folder or zip file. At any depth in it, a folder or zip file named after each video holds its frames; or
            the root itself holds the frames of all videos.
        videos: videos to look for. Zip files of others are not opened.

    Raises:
        VisorVosError: if the root is missing or not readable.
    """

    def __init__(self, root: Path, videos: Collection[str]) -> None:
        self.root = root
        self._found: dict[str, list[ReleaseFile]] = {video: [] for video in videos}
        self._loose: list[ReleaseFile] = []

        def is_wanted(entry: ReleaseFile) -> bool:
            return {*self._found, DENSE}.isdisjoint(entry.names) and not _is_of_other(entry, videos)

        for entry in _walk(ReleaseFile(Location(root), ()), is_wanted):
            owner = next((name for name in entry.names if name in self._found), None)
            if DENSE in entry.parts:
                continue
            if owner is not None and (entry.is_frame or entry.names[-1] == owner):
                self._found[owner].append(entry)
            elif len(entry.parts) == 1 and entry.is_frame:
                self._loose.append(entry)
        for entries in self._found.values():
            # Unpacked folders come before the zip files beside them.
            entries.sort(key=lambda entry: entry.size > 0)

    def check(self, wanted: Mapping[str, str], skip_missing: bool) -> None:
        """Checks before the conversion that the videos are there and name their frames as the annotations do.

        Args:
            wanted: the name, without suffix, of one frame of each video.
            skip_missing: whether videos may be missing, as long as there is one.

        Raises:
            VisorVosError: if they are not.
        """
        missing = []
        for video, frame in sorted(wanted.items()):
            try:
                names = self.of(video)
            except VisorVosError:
                continue  # a damaged zip file is reported with its frames
            other = next(filter(_EPIC_FRAME.fullmatch, names), None)
            if not names:
                missing.append(video)
            elif frame not in names and other is not None:
                raise VisorVosError(
                    f"The frames of {video} in {self.root} have names of EPIC-KITCHENS, such as {other}. "
                    f"Expected names of VISOR, such as {frame}.",
                    "Rename them: the release's frame_mapping.json lists both names of each frame.",
                )
        if missing and not (skip_missing and len(missing) < len(wanted)):
            raise VisorVosError(
                f"{self.root} has no frames of {len(missing)} of {len(wanted)} videos: {listed(missing, _MAX_LISTED)}. "
                f"Expected {missing[0]}/{wanted[missing[0]]}.jpg or {missing[0]}.zip, at any depth.",
                "Add them, or choose the videos to prepare with --videos.",
            )

    def of(self, video: str) -> dict[str, Location]:
        """The frames of a video by name without suffix; empty if there are none.

        Raises:
            VisorVosError: if their zip file is damaged.
        """
        frames: dict[str, Location] = {}
        for entry in (*(frame for place in self._found[video] for frame in _frames_in(place)), *self._loose):
            frames.setdefault(PurePosixPath(entry.parts[-1]).stem, entry.location)
        return frames

    def checksum(self, video: str) -> str:
        """Changes if frames of the video are added, removed or change their size; no frame is read."""
        # For a zip file its size is enough, and its list of members may be slow to read.
        files = [file for place in self._found[video] for file in ([place] if place.size else _frames_in(place))]
        return digest(f"{entry.names[-1]} {entry.size} {entry.crc}" for entry in (*files, *self._loose))


def digest(lines: Iterable[str]) -> str:
    """A checksum of lines in any order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def _frames_in(place: ReleaseFile) -> list[ReleaseFile]:
    """The frames in a folder or zip file, or the one frame that the entry is."""
    return [place] if place.is_frame else [entry for entry in _entries(place) if entry.is_frame]


def _walk(place: ReleaseFile, is_entered: Callable[[ReleaseFile], bool]) -> Iterator[ReleaseFile]:
    """Yields all files below a folder or in a zip file, and the folders and zip files that are not to be entered."""
    for entry in _entries(place):
        is_container = entry.is_zip or (not entry.location.inside and entry.location.path.is_dir())
        if is_container and len(entry.parts) <= _MAX_DEPTH and is_entered(entry):
            yield from _walk(entry, is_entered)
        else:
            yield entry


def _entries(place: ReleaseFile) -> list[ReleaseFile]:
    """The files and folders in a folder, or all files in a zip file; hidden ones are left out.

    Raises:
        VisorVosError: if it cannot be read.
    """
    location = place.location
    if location.inside or not location.path.is_dir():
        # Some programs on Windows write backslashes.
        found = [(info, (*place.names, *info.filename.replace("\\", "/").split("/"))) for info in members(location)]
        return [
            ReleaseFile(location.member(info.filename), parts, info.file_size, info.CRC)
            for info, parts in found
            if not any(part.startswith((".", "__MACOSX")) for part in parts)
        ]
    try:
        paths = sorted(path for path in location.path.iterdir() if path.name[0] != ".")
        # A dangling link fails when it is read.
        sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    except OSError as error:
        raise VisorVosError(f"The folder {location} cannot be read: {error.strerror}.", "Check the path.") from error
    return [ReleaseFile(Location(p), (*place.names, p.name), size) for p, size in zip(paths, sizes, strict=True)]
