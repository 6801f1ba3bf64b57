"""``visorvos export``: predicted masks to a submission, and checks of submissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.datasets.davis.object_names import read_mapping
from visorvos.core.datasets.visor.rasterize import object_polygons
from visorvos.core.datasets.visor.submission import (
    HEIGHT,
    WIDTH,
    SubmittedFrame,
    read_submission,
    write_submission,
)
from visorvos.core.io.masks import mask_files, read_mask
from visorvos.core.labels import object_ids
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.errors import VisorVosError, listed
from visorvos.settings.export import ExportSettings

__all__ = ["Export", "export"]

_MAX_LISTED = 20

Names = Mapping[str, Mapping[int, str]]
Frames = dict[str, list[str]]
"""Names of frames by sequence."""


@dataclass(frozen=True)
class Export:
    """The submission that was written or passed the check."""

    file: str
    checked_only: bool
    """Whether it was only checked."""
    sequences: int
    frames: int
    objects: int
    """Number of object masks in all frames."""
    first_frames: bool | None
    """Whether it includes the given first frames; None if that is unknown."""
    complete: bool | None
    """Whether it covers the split; None without the data set to compare with."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return asdict(self)


def export(settings: ExportSettings, progress: Progress | None = None) -> Export:
    """Writes a submission, or checks one.

    Raises:
        VisorVosError: with a list of everything that is wrong. Nothing is written then.
    """
    if settings.check is not None:
        return _check(settings, settings.check)
    progress = progress or NoProgress()
    names = _names(settings)
    masks, faults = _masks(settings, names)
    what = f"{settings.predictions} cannot be exported"
    _refuse(faults, what)
    objects = 0

    def frames() -> Iterator[SubmittedFrame]:
        nonlocal objects
        for sequence, frame, path in progress.track(masks, "Exporting masks", "masks", len(masks)):
            submitted = _outline(sequence, frame, path, names[sequence], faults)
            objects += len(submitted.objects)
            yield submitted
        # Raised before the file is complete, so that it never gets its name.
        _refuse(faults, what)

    count = write_submission(settings.output, settings.split, frames())
    sequences = len({sequence for sequence, _, _ in masks})
    complete = None if settings.data is None else True
    return Export(str(settings.output), False, sequences, count, objects, settings.first_frames, complete)


def _names(settings: ExportSettings) -> Names:
    if settings.mapping is not None:
        return read_mapping(settings.mapping)
    names = open_split(settings.data, settings.split).object_names if settings.data is not None else {}
    if not names:
        raise VisorVosError(
            f"{settings.data} has no {settings.split}_data_mapping.json.", "Give the object names with --mapping."
        )
    return names


def _expected(settings: ExportSettings) -> Frames | None:
    """The frames of the split's sequences; None without the data set."""
    if settings.data is None:
        return None
    split = open_split(settings.data, settings.split)
    return {name: list(mask_files(split.masks_folder / name)) for name in split.sequences}


def _masks(settings: ExportSettings, names: Names) -> tuple[list[tuple[str, str, Path]], list[str]]:
    """The masks to submit, with sequence and frame, and what is wrong with the folders."""
    folder = settings.predictions
    if folder is None or not folder.is_dir():
        raise VisorVosError(f"Folder of predictions not found: {folder}", "Give a folder of SEQUENCE/FRAME.png.")
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    if not found:
        raise VisorVosError(f"No sequences in {folder}.", "Masks are expected as SEQUENCE/FRAME.png.")
    expected = _expected(settings)
    faults = _unexpected_sequences(found, expected, settings.split)
    if expected is not None:
        faults += [f"sequence {name} is missing" for name in expected if name not in found]
    unnamed = [name for name in found if name not in names and (expected is None or name in expected)]
    faults += [f"sequence {name} is not in the mapping" for name in unnamed]
    masks = []
    for name in found:
        files = mask_files(folder / name)
        frames = list(files) if expected is None else expected.get(name, list(files))
        given = [] if settings.first_frames else frames[:1]
        faults += [f"frame {name}/{frame} is missing" for frame in frames if frame not in (*files, *given)]
        faults += [f"frame {name}/{frame} is not in the data set" for frame in files if frame not in frames]
        masks += [(name, frame, file) for frame, file in files.items() if frame not in given]
    return masks, faults


def _unexpected_sequences(found: Iterator[str] | list[str], expected: Frames | None, split: str) -> list[str]:
    return [f"sequence {name} is not in the split {split}" for name in found if expected and name not in expected]


def _outline(sequence: str, frame: str, path: Path, names: Mapping[int, str], faults: list[str]) -> SubmittedFrame:
    """One mask as polygons; adds what is wrong with it to the faults."""
    labels = read_mask(path).labels
    if labels.shape != (HEIGHT, WIDTH):
        faults.append(f"mask {sequence}/{frame} is {labels.shape[1]}x{labels.shape[0]}, not {WIDTH}x{HEIGHT}")
    ids = object_ids(labels)
    faults += [f"mask {sequence}/{frame} shows the id {i}, which has no name" for i in ids if i not in names]
    return SubmittedFrame(sequence, frame, tuple((names[i], object_polygons(labels, i)) for i in ids if i in names))


def _check(settings: ExportSettings, path: Path) -> Export:
    """Checks a submission made elsewhere."""
    submission = read_submission(path)
    faults = list(submission.faults)
    names = _names(settings) if settings.mapping is not None or settings.data is not None else None
    for sequence, frames in submission.frames.items():
        known = None if names is None else set(names.get(sequence, {}).values())
        for frame, objects in frames.items():
            unknown = [name for name in objects if known is not None and name not in known]
            faults += [f"frame {sequence}/{frame} has the object {name}, which the mapping lacks" for name in unknown]
    expected = _expected(settings)
    first_frames = None
    if expected is not None:
        firsts = [frames[0] in submission.frames.get(name, {}) for name, frames in expected.items()]
        first_frames = any(firsts)
        if first_frames and not all(firsts):
            faults.append("some sequences include their given first frame, others do not")
        for name, wanted in expected.items():
            there = submission.frames.get(name, {})
            faults += [f"frame {name}/{frame} is missing" for frame in wanted[1:] if frame not in there]
            faults += [f"frame {name}/{frame} is not in the data set" for frame in there if frame not in wanted]
        faults += _unexpected_sequences(list(submission.frames), expected, settings.split)
    _refuse(faults, f"{path} is not valid")
    counts = [len(objects) for frames in submission.frames.values() for objects in frames.values()]
    complete = None if expected is None else True
    return Export(str(path), True, len(submission.frames), len(counts), sum(counts), first_frames, complete)


def _refuse(faults: list[str], what: str) -> None:
    if faults:
        message = f"{what}:\n  {listed(faults, _MAX_LISTED, chr(10) + '  ')}"
        raise VisorVosError(message, "Correct these and run the command again.")
