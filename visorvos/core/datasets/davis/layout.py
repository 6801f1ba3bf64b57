"""Data sets of frames and masks in the layouts of DAVIS and YouTube-VOS.

Three layouts are read, without preparing anything:

- DAVIS, and what ``prepare`` writes: ``JPEGImages/480p/SEQ/FRAME.jpg``, ``Annotations/480p/SEQ/FRAME.png`` and lists
  of sequences such as ``ImageSets/2017/val.txt``. The level 480p may have another name, or be absent.
- YouTube-VOS, MOSE and LVOS: a folder for each split, ``train/JPEGImages`` and ``train/Annotations``, and for some
  ``train/meta.json``. Masks may exist for some frames only.
- Any folder that holds JPEGImages and Annotations: all of its sequences form the split.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from visorvos.core.datasets.davis.object_names import read_mapping, read_meta
from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.images import FRAME_SUFFIXES, list_images, natural_key
from visorvos.core.io.masks import mask_files
from visorvos.core.io.paths import in_other_case, is_safe_name
from visorvos.errors import VisorVosError, listed

FRAMES, MASKS, LISTS = "JPEGImages", "Annotations", "ImageSets"
"""Folders of the DAVIS layout."""
RESOLUTION = "480p"
"""The folder between those and the sequences that is taken if there are several."""

_LAYOUT = f"A data set holds {FRAMES} and {MASKS}, or a folder for each split that does."
_MAX_LISTED = 8


@dataclass(frozen=True)
class VideoSequence:
    """The files of one video.

    Attributes:
        name: its name.
        frames: all frames, in order.
        masks: ground-truth masks, in order. Each has the name of its frame; frames without a mask may exist.
        late_objects: whether objects that first appear after the first mask are tracked and scored from there on.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]
    late_objects: bool = False

    @property
    def annotated(self) -> VideoSequence:
        """The video without the frames that have no mask: frames and masks are pairs."""
        stems = {mask.stem for mask in self.masks}
        return replace(self, frames=tuple(frame for frame in self.frames if frame.stem in stems))


@dataclass(frozen=True)
class Split:
    """The sequences of one split, and the files that belong to them. See `open_split`."""

    root: Path
    name: str
    folder: Path
    """The folder that holds JPEGImages and Annotations."""
    resolution: str | None
    list_file: Path | None
    """The list of sequences, or None if every sequence in `folder` belongs to the split."""
    sequences: tuple[str, ...]

    @cached_property
    def frames_folder(self) -> Path:
        """The folder that holds a folder of frames for each sequence. See `sequence_folder`."""
        return sequence_folder(self.folder / FRAMES, self.resolution)

    @cached_property
    def masks_folder(self) -> Path:
        """The folder that holds a folder of masks for each sequence."""
        return sequence_folder(self.folder / MASKS, self.resolution)

    @property
    def note(self) -> str:
        """A sentence about how the split was found, if a reader may expect something else; else empty."""
        if self.list_file is not None or self.folder != self.root:
            return ""
        near = in_other_case(self.root / LISTS)
        but = f" (but {near.name})" if near else ""
        return f"{self.root} has no {LISTS}{but}: all {len(self.sequences):,} sequences are used."

    @property
    def late_objects(self) -> bool:
        """Whether objects count from their first mask on: so it is if a meta.json lists the objects (YouTube-VOS)."""
        return self._meta_file is not None

    def sequence(self, name: str) -> VideoSequence:
        """The frames and masks of one sequence.

        Raises:
            VisorVosError: if it has no frames or no masks, or a mask does not have the name of a frame.
        """
        frames = {path.stem: path for path in list_images(self.frames_folder / name, FRAME_SUFFIXES)}
        masks = mask_files(self.masks_folder / name)
        if not frames or not masks:
            what = f"masks in {self.masks_folder / name}" if frames else f"frames in {self.frames_folder / name}"
            raise VisorVosError(f"No {what}.", "Restore them, or remove the sequence from the split.")
        unpaired = [stem for stem in masks if stem not in frames]
        if unpaired:
            raise VisorVosError(
                f"Sequence {name}: {listed(unpaired, 1)} has no frame in {self.frames_folder / name}.",
                "Every mask needs a frame of the same name. Restore the frames.",
            )
        return VideoSequence(name, tuple(frames.values()), tuple(masks.values()), self.late_objects)

    @cached_property
    def unseen(self) -> frozenset[str] | None:
        """Sequences from kitchens that are not in the training data, from ``SPLIT_unseen.txt``; None without it."""
        if self.list_file is None:
            return None
        file = self.list_file.with_name(f"{self.list_file.stem}_unseen.txt")
        names = frozenset(name.strip() for name in _read_lines(file)) if file.is_file() else frozenset()
        return names - {""} or None

    @cached_property
    def object_names(self) -> dict[str, dict[int, str]]:
        """Object names by sequence and id, from ``SPLIT_data_mapping.json`` or ``meta.json``; empty without them."""
        stem = Path(self.name).name
        # val_unseen is a part of val, whose mapping names its objects.
        for file in (self.root / f"{prefix}_data_mapping.json" for prefix in (stem, stem.split("_")[0])):
            if file.is_file():
                return read_mapping(file)
        return {} if self._meta_file is None else read_meta(self._meta_file)

    @property
    def _meta_file(self) -> Path | None:
        files = (self.folder / "meta.json", self.folder / f"{self.folder.name}_meta.json")
        return next((file for file in files if file.is_file()), None)


def open_split(root: Path, split: str, resolution: str | None = None) -> Split:
    """Finds a split of a data set in any of the layouts.

    Args:
        root: folder of the data set.
        split: name of a list, such as "val" or "2017/val", or of a folder, such as "valid". It has no meaning for a
            data set that has neither: all sequences are used.
        resolution: name of the folder between JPEGImages and the sequences. None takes the only one, or 480p.

    Raises:
        VisorVosError: if the split is not found, is ambiguous or is empty.
    """
    splits = find_splits(root)
    if splits or (root / LISTS).is_dir():
        place = splits[_choose(splits, root, split, resolution)]
        if (root / LISTS).is_dir():
            return Split(root, split, root, resolution, place, _read_list(place))
        folder = place
    elif any((root / kind).is_dir() for kind in (FRAMES, MASKS)):
        folder = root
    else:
        nearby = [root / name for name in _subfolders(root) if find_splits(root / name)]
        nearby += [folder for folder in root.resolve().parents[:2] if (folder / MASKS).is_dir()]
        remedy = f"Give the folder {nearby[0]}." if nearby else _LAYOUT
        raise VisorVosError(f"{root} is not a data set: it has no folder {FRAMES} or {MASKS}.", remedy)
    found = Split(root, split, folder, resolution, None, ())
    masks = found.masks_folder
    names = sorted((name for name in _subfolders(masks) if is_safe_name(name)), key=natural_key)
    if not names:
        raise VisorVosError(f"No sequences in {masks}.", "Give masks as SEQUENCE/FRAME.png.")
    return replace(found, sequences=tuple(names))


def find_splits(root: Path) -> dict[str, Path]:
    """The splits of a data set by name: files such as ImageSets/2022/val.txt ("2022/val"), or folders such as valid.

    Raises:
        VisorVosError: if the folder does not exist.
    """
    if not root.is_dir():
        raise VisorVosError(f"Data set folder not found: {root}", "Give its path with --data.")
    lists = root / LISTS
    if lists.is_dir():
        return {path.relative_to(lists).with_suffix("").as_posix(): path for path in sorted(lists.rglob("*.txt"))}
    return {name: root / name for name in _subfolders(root) if (root / name / MASKS).is_dir()}


def sequence_folder(folder: Path, resolution: str | None = None) -> Path:
    """JPEGImages or Annotations itself, or the folder of a resolution in it: the one that holds the sequences.

    Raises:
        VisorVosError: if the folder or the resolution does not exist, or there are several to choose from.
    """
    if not folder.is_dir():
        near = in_other_case(folder)
        remedy = f"Rename {near} to {folder.name}." if near else _LAYOUT
        raise VisorVosError(f"{folder.parent} has no folder {folder.name}.", remedy)
    if resolution is None and (folder / RESOLUTION).is_dir():
        resolution = RESOLUTION
    if resolution is not None and (folder / resolution).is_dir():
        return folder / resolution
    levels = [name for name in _subfolders(folder) if _subfolders(folder / name)]
    shown = listed(levels, _MAX_LISTED)
    if resolution is not None:
        remedy = f"It has: {shown}." if levels else "Its sequences are not sorted by resolution."
        raise VisorVosError(f"{folder} has no resolution {resolution}.", remedy)
    if len(levels) > 1:
        remedy = f"Choose one, for example --resolution {levels[0]}"
        raise VisorVosError(f"{folder} has several resolutions: {shown}.", remedy)
    return folder / levels[0] if levels else folder


def note_frames_without_mask(videos: Iterable[VideoSequence]) -> str:
    """A sentence with the number of frames without a mask; empty if every frame has one."""
    videos = list(videos)
    frames, masks = (sum(len(getattr(video, kind)) for video in videos) for kind in ("frames", "masks"))
    if frames == masks:
        return ""
    return f"{frames - masks:,} of {frames:,} frames have no mask: they are neither trained on nor scored."


def _subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name[0] != "." and entry.is_dir())


def _choose(splits: dict[str, Path], root: Path, split: str, resolution: str | None) -> str:
    """The full name of a split."""
    # DAVIS 2016 has a list for each resolution, such as 480p/val.
    for name in (split, f"{resolution or RESOLUTION}/{split}"):
        if name in splits:
            return name
    found = [name for name in splits if name.endswith(f"/{split}")]
    if len(found) == 1:
        return found[0]
    what, named = (f"several splits named {split}", found) if found else (f"no split named {split}", list(splits))
    example = f" Choose one: --split {named[-1]}" if named else ""
    raise VisorVosError(f"{root} has {what}.", f"Its splits: {listed(named, _MAX_LISTED) or 'none'}.{example}")


def _read_list(path: Path) -> tuple[str, ...]:
    """The sequences that a list names, in its order."""
    lines = _read_lines(path)
    # DAVIS 2016 lists a frame and its mask per line: /JPEGImages/480p/bear/00000.jpg /Annotations/...
    found = [PurePosixPath(line.split()[0]).parent.name if f"/{FRAMES}/" in line else line for line in lines]
    names = [name.strip() for name in found if name.strip()]
    if not names:
        raise VisorVosError(f"The list {path} names no sequence.", "Write one sequence name per line.")
    for name in names:
        if not is_safe_name(name):
            raise VisorVosError(
                f"{path} names {name!r}, which cannot be the name of a sequence.",
                "Remove slashes, colons, control characters and leading dots from the name.",
            )
    if found == lines and len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise VisorVosError(f"The list {path} names {name} twice.", "List each sequence once.")
    return tuple(dict.fromkeys(names))


def _read_lines(path: Path) -> list[str]:
    try:
        return read_bytes(Location(path)).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise VisorVosError(f"The list {path} cannot be read: {error}.", "Save it as UTF-8 text.") from error
