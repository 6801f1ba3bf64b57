"""``visorvos export``: predicted masks to a submission, and checks of submissions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.datasets.davis.object_names import read_mapping
from visorvos.core.datasets.visor.rasterize import object_polygons
from visorvos.core.datasets.visor.submission import HEIGHT, WIDTH, read_submission, submitted_frame, write_submission
from visorvos.core.io.masks import mask_files, read_mask
from visorvos.core.labels import object_ids
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError, listed
from visorvos.settings.export import ExportSettings

_MAX_LISTED = 20

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


def export(settings: ExportSettings, progress: Progress | None = None) -> Export:
    """Writes a submission, or checks one.

    Raises:
        VisorVosError: with a list of everything that is wrong. Nothing is written then.
    """
    expected = None
    if settings.data is not None:
        split = open_split(settings.data, settings.split)
        expected = {name: list(mask_files(split.masks_folder / name)) for name in split.sequences}
    if settings.check is not None:
        return _check(settings, settings.check, expected)
    return _write(settings, expected, progress or Progress())


def _write(settings: ExportSettings, expected: Frames | None, progress: Progress) -> Export:
    folder = settings.predictions
    if folder is None or not folder.is_dir():
        raise VisorVosError(f"Folder of predictions not found: {folder}", "Give a folder of SEQUENCE/FRAME.png.")
    names = _names(settings)
    folders = sorted(entry for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    masks = {entry.name: mask_files(entry) for entry in folders}
    if not masks:
        raise VisorVosError(f"No sequences in {folder}.", "Masks are expected as SEQUENCE/FRAME.png.")
    faults = _differences(settings.split, masks, expected, 0 if settings.first_frames else 1)
    faults += [f"sequence {name} is not in the mapping" for name in masks if name not in names]
    what = f"{folder} cannot be exported"
    _refuse(faults, what)
    jobs = []
    for name, files in masks.items():
        given = None if settings.first_frames else next(iter((expected or masks)[name]), None)
        jobs += [(name, frame, file) for frame, file in files.items() if frame != given]

    def frames() -> Iterator[dict[str, Any]]:
        for name, frame, file in progress.track(jobs, "Exporting masks", "masks", len(jobs)):
            yield _outline(name, frame, file, names[name], faults)
        # Raised before the file is complete, so that it never gets its name.
        _refuse(faults, what)

    objects = write_submission(settings.output, settings.split, frames())
    sequences = len({name for name, _, _ in jobs})
    complete = None if expected is None else True
    return Export(str(settings.output), False, sequences, len(jobs), objects, settings.first_frames, complete)


def _names(settings: ExportSettings) -> Mapping[str, Mapping[int, str]]:
    if settings.mapping is not None:
        return read_mapping(settings.mapping)
    names = open_split(settings.data, settings.split).object_names if settings.data is not None else {}
    if not names:
        raise VisorVosError(
            f"{settings.data} has no {settings.split}_data_mapping.json.", "Give the object names with --mapping."
        )
    return names


def _differences(split: str, found: Mapping[str, Collection[str]], expected: Frames | None, given: int) -> list[str]:
    """How frames differ from those of a split, if these are known.

    Args:
        split: name of the split.
        found: frames by sequence.
        expected: the frames of the split.
        given: how many frames at the start of each sequence may be missing, since their masks are given.
    """
    if expected is None:
        return []
    faults = [f"sequence {name} is not in the split {split}" for name in found if name not in expected]
    for name, wanted in expected.items():
        if name not in found:
            faults.append(f"sequence {name} is missing")
            continue
        faults += [f"frame {name}/{frame} is missing" for frame in wanted[given:] if frame not in found[name]]
        faults += [f"frame {name}/{frame} is not in the data set" for frame in found[name] if frame not in wanted]
    return faults


def _outline(sequence: str, frame: str, path: Path, names: Mapping[int, str], faults: list[str]) -> dict[str, Any]:
    """One mask as polygons; adds what is wrong with it to the faults."""
    labels = read_mask(path).labels
    if labels.shape != (HEIGHT, WIDTH):
        faults.append(f"mask {sequence}/{frame} is {labels.shape[1]}x{labels.shape[0]}, not {WIDTH}x{HEIGHT}")
    ids = object_ids(labels)
    faults += [f"mask {sequence}/{frame} shows the id {i}, which has no name" for i in ids if i not in names]
    return submitted_frame(sequence, frame, [(names[i], object_polygons(labels, i)) for i in ids if i in names])


def _check(settings: ExportSettings, path: Path, expected: Frames | None) -> Export:
    """Checks a submission made elsewhere."""
    submission = read_submission(path)
    faults = [*submission.faults, *_differences(settings.split, submission.frames, expected, 1)]
    if settings.mapping is not None or settings.data is not None:
        known = {name: set(ids.values()) for name, ids in _names(settings).items()}
        faults += [
            f"frame {sequence}/{frame} has the object {name}, which the mapping lacks"
            for sequence, frames in submission.frames.items()
            for frame, objects in frames.items()
            for name in objects
            if name not in known.get(sequence, ())
        ]
    first_frames = complete = None
    if expected is not None:
        firsts = {frames[0] in submission.frames.get(name, {}) for name, frames in expected.items()}
        first_frames, complete = True in firsts, True
        if len(firsts) > 1:
            faults.append("some sequences include their given first frame, others do not")
    _refuse(faults, f"{path} is not valid")
    counts = [len(objects) for frames in submission.frames.values() for objects in frames.values()]
    return Export(str(path), True, len(submission.frames), len(counts), sum(counts), first_frames, complete)


def _refuse(faults: list[str], what: str) -> None:
    if faults:
        message = f"{what}:\n  {listed(faults, _MAX_LISTED, chr(10) + '  ')}"
        raise VisorVosError(message, "Correct these and run the command again.")
