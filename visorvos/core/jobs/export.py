"""Wiring of ``visorvos export``: predicted masks to a submission, and submissions checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.davis.layout import open_split, read_mapping
from visorvos.core.datasets.visor.prepared import HEIGHT, WIDTH
from visorvos.core.datasets.visor.rasterize import object_polygons
from visorvos.core.datasets.visor.submission import SubmittedFrame, read_submission, write_submission
from visorvos.core.io.masks import mask_files, read_mask
from visorvos.core.labels import object_ids
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.errors import VisorVosError, listed
from visorvos.settings.export import ExportSettings

__all__ = ["Export", "export"]

_LISTED = 20

Names = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True)
class Export:
    """What was written, or found sound."""

    file: str
    checked_only: bool
    """Whether it was made elsewhere and only looked at."""
    sequences: int
    frames: int
    objects: int
    """Masks of single objects, over all frames."""
    first_frames: bool | None
    """Whether the given first frames are in it; None where that cannot be told."""
    complete: bool | None
    """Whether nothing of the split is missing; None without the data set to compare with."""

    def to_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class _Sequence:
    name: str
    masks: dict[str, Path]
    """Those to submit, by frame."""


def export(settings: ExportSettings, progress: Progress | None = None) -> Export:
    """Writes a submission, or checks one.

    Raises:
        VisorVosError: listing all that is wrong; nothing is written then.
    """
    progress = progress or NoProgress()
    if settings.check is not None:
        return _check(settings, settings.check)
    names = _names(settings)
    sequences, faults = _sequences(settings, names)
    _refuse(faults, f"{settings.predictions} cannot be exported")
    counts = {"objects": 0}

    def frames() -> Iterator[SubmittedFrame]:
        total = sum(len(sequence.masks) for sequence in sequences)
        masks = ((sequence.name, *item) for sequence in sequences for item in sequence.masks.items())
        for sequence, frame, path in progress.track(masks, "Exporting masks", "masks", total):
            submitted = _outline(sequence, frame, path, names[sequence], faults)
            counts["objects"] += len(submitted.objects)
            yield submitted
        # Raised while the file is still being written, so that it never gets its name.
        _refuse(faults, f"{settings.predictions} cannot be exported")

    count = write_submission(settings.output, settings.split, frames())
    return Export(
        str(settings.output),
        False,
        len(sequences),
        count,
        counts["objects"],
        settings.first_frames,
        None if settings.data is None else True,
    )


def _names(settings: ExportSettings) -> Names:
    if settings.mapping is not None:
        return read_mapping(settings.mapping)
    names = open_split(settings.data, settings.split).object_names if settings.data is not None else {}
    if not names:
        raise VisorVosError(
            f"{settings.data} has no {settings.split}_data_mapping.json.", "Give the names of objects with --mapping."
        )
    return names


def _sequences(settings: ExportSettings, names: Names) -> tuple[list[_Sequence], list[str]]:
    """The masks to submit, and what is wrong with the folders."""
    folder = settings.predictions
    if folder is None or not folder.is_dir():
        raise VisorVosError(f"{folder} is no folder.", "Give the folder of predicted masks, SEQUENCE/FRAME.png.")
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] != ".")
    if not found:
        raise VisorVosError(f"There are no sequences in {folder}.", "Masks are expected as SEQUENCE/FRAME.png.")
    expected = _expected(settings)
    listed = [name for name in found if expected is None or name in expected]
    faults = [f"sequence {name} is not in the mapping" for name in listed if name not in names]
    if expected is not None:
        faults += [f"sequence {name} is missing" for name in expected if name not in found]
        faults += [f"sequence {name} is not in the split {settings.split}" for name in found if name not in expected]
    sequences = []
    for name in found:
        masks = mask_files(folder / name)
        frames = list(masks) if expected is None else expected.get(name, list(masks))
        given = [] if settings.first_frames else frames[:1]
        faults += [f"frame {name}/{frame} is missing" for frame in frames if frame not in (*masks, *given)]
        faults += [f"frame {name}/{frame} is not in the data set" for frame in masks if frame not in frames]
        sequences.append(_Sequence(name, {frame: masks[frame] for frame in masks if frame not in given}))
    return sequences, faults


def _expected(settings: ExportSettings) -> dict[str, list[str]] | None:
    """The frames of the split's sequences; None without the data set."""
    if settings.data is None:
        return None
    split = open_split(settings.data, settings.split)
    return {name: list(mask_files(split.masks_folder / name)) for name in split.sequences}


def _outline(sequence: str, frame: str, path: Path, names: Mapping[int, str], faults: list[str]) -> SubmittedFrame:
    """One mask as polygons; what is wrong with it is added to the faults."""
    labels = read_mask(path).labels
    if labels.shape != (HEIGHT, WIDTH):
        faults.append(f"mask {sequence}/{frame} is {labels.shape[1]}x{labels.shape[0]}, not {WIDTH}x{HEIGHT}")
    ids = object_ids(labels)
    faults += [f"mask {sequence}/{frame} shows the id {i}, which has no name" for i in ids if i not in names]
    return SubmittedFrame(sequence, frame, tuple((names[i], object_polygons(labels, i)) for i in ids if i in names))


def _check(settings: ExportSettings, path: Path) -> Export:
    """Looks at a submission made elsewhere."""
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
            faults.append("some sequences have their given first frame, others have not")
        for name, wanted in expected.items():
            there = submission.frames.get(name, {})
            faults += [f"frame {name}/{frame} is missing" for frame in wanted[1:] if frame not in there]
            faults += [f"frame {name}/{frame} is not in the data set" for frame in there if frame not in wanted]
        strangers = [name for name in submission.frames if name not in expected]
        faults += [f"sequence {name} is not in the split {settings.split}" for name in strangers]
    _refuse(faults, f"{path} is not sound")
    return Export(
        str(path),
        True,
        len(submission.frames),
        sum(map(len, submission.frames.values())),
        sum(len(objects) for frames in submission.frames.values() for objects in frames.values()),
        first_frames,
        None if expected is None else True,
    )


def _refuse(faults: list[str], what: str) -> None:
    if not faults:
        return
    shown = listed(faults, _LISTED, "\n  ")
    raise VisorVosError(f"{what}:\n  {shown}", "Mend these and run the command again.")
