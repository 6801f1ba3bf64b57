"""The report of a preparation, ``prepare_report.json``: what was kept, left out and dropped, and what is broken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from visorvos._version import __version__
from visorvos.core.datasets.visor.convert import FrameResult
from visorvos.core.datasets.visor.plan import MIN_MASKS, PlannedSequence
from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError, counted, listed
from visorvos.settings.prepare import PrepareSettings

REPORT = "prepare_report.json"
BROKEN_LIST = "broken_frames.txt"
_PUBLISHED = {"train": (115, 5309), "val": (43, 1244)}
"""Videos and sequences of the full release, as published with VISOR."""
_MAX_LISTED = 20


@dataclass(frozen=True)
class KeptSequence:
    """A sequence of the data set."""

    frames: int
    objects: int
    """Number of different ids in its masks."""
    empty_frames: tuple[str, ...] = ()
    """Frames left out because their masks are empty."""
    late_objects: tuple[int, ...] = ()
    """Ids that the first mask does not show, and later ones do."""
    lost_objects: dict[str, list[str]] = field(default_factory=dict)
    """Frames by id of the objects that the full-size mask shows and the resized one does not."""
    never_shown: tuple[int, ...] = ()
    """Ids with a name that no mask shows."""
    stretched_frames: tuple[str, ...] = ()
    """Frames that were not 16:9."""


@dataclass(frozen=True)
class BrokenFrame:
    """A frame that could not be converted."""

    sequence: str
    frame: str
    problem: str


@dataclass(frozen=True)
class SplitReport:
    """The outcome for one split."""

    videos: int
    objects: str
    kept: dict[str, KeptSequence]
    dropped: dict[str, str]
    """Reason by sequence."""
    empty_first_frames: tuple[str, ...]
    """Sequences whose first annotated frame holds no object."""
    broken: tuple[BrokenFrame, ...] = ()
    published: dict[str, int | bool | None] | None = None
    """Counts of the full release, whether this is all of it, and whether they are equal; None if there are none."""
    totals: dict[str, int] = field(default_factory=dict)
    """sequences_kept, sequences_dropped, frames_kept, frames_empty, frames_dropped, frames_broken."""


def report_split(
    split: str,
    settings: PrepareSettings,
    videos: int,
    sequences: Iterable[PlannedSequence],
    results: Mapping[tuple[str, str], FrameResult],
) -> SplitReport:
    """Sums up a split.

    Args:
        split, settings, videos: its name, the options, and the number of annotation files.
        sequences: all planned sequences.
        results: outcome by sequence and frame; frames without anything to draw have none.
    """
    kept: dict[str, KeptSequence] = {}
    dropped: dict[str, str] = {}
    broken: list[BrokenFrame] = []
    frames_empty = frames_dropped = 0
    for sequence in sequences:
        outcomes = [results[sequence.name, stem] for stem in sequence.videos]
        done = [result for result in outcomes if result.ids is not None]
        faults = [BrokenFrame(sequence.name, result.stem, result.problem) for result in outcomes if result.problem]
        empty = sorted([*sequence.empty_frames, *(r.stem for r in outcomes if r.ids is None and not r.problem)])
        broken += faults
        frames_empty += len(empty)
        if len(done) >= MIN_MASKS[split]:
            kept[sequence.name] = _kept(sequence, done, empty)
            continue
        frames_dropped += len(done)
        dropped[sequence.name] = f"{counted(len(done), 'mask')} where {split} needs {MIN_MASKS[split]}"
        for noun, frames in (("empty frame", empty), ("broken frame", faults)):
            dropped[sequence.name] += f", {counted(len(frames), noun)}" if frames else ""
    full_videos, full_sequences = _PUBLISHED[split]
    is_full = videos == full_videos
    equal = len(kept) == full_sequences if is_full else None
    published = {"videos": full_videos, "sequences": full_sequences, "full_release": is_full, "equal": equal}
    return SplitReport(
        videos,
        settings.kept_objects(split),
        dict(sorted(kept.items())),
        dict(sorted(dropped.items())),
        tuple(sorted(sequence.name for sequence in sequences if sequence.first_is_empty)),
        tuple(broken),
        None if settings.dense else published,
        {
            "sequences_kept": len(kept),
            "sequences_dropped": len(dropped),
            "frames_kept": sum(entry.frames for entry in kept.values()),
            "frames_empty": frames_empty,
            "frames_dropped": frames_dropped,
            "frames_broken": len(broken),
        },
    )


def _kept(sequence: PlannedSequence, done: list[FrameResult], empty: list[str]) -> KeptSequence:
    shown = {number for result in done for number in result.ids or ()}
    lost: dict[str, list[str]] = {}
    for result in done:
        for number in result.lost:
            lost.setdefault(str(number), []).append(result.stem)
    return KeptSequence(
        len(done),
        len(shown),
        tuple(empty),
        tuple(sorted(shown - set(done[0].ids or ()))),
        lost,
        tuple(sorted(set(sequence.ids.values()) - shown)),
        tuple(result.stem for result in done if result.stretched),
    )


def refuse_broken(output: Path, reports: Mapping[str, SplitReport]) -> None:
    """Lists all broken frames in a file, and the first in an error; removes the file if there are none.

    Raises:
        VisorVosError: if there are any.
    """
    frames = [frame for report in reports.values() for frame in report.broken]
    path = output / BROKEN_LIST
    if not frames:
        path.unlink(missing_ok=True)
        return
    lines = [f"{frame.sequence}/{frame.frame}: {frame.problem}" for frame in frames]
    write_file(path, "".join(f"{line}\n" for line in lines))
    raise VisorVosError(
        f"{counted(len(lines), 'frame')} {'is' if len(lines) == 1 else 'are'} missing, damaged or not 16:9; "
        f"all others are converted. Full list: {path}\n  " + listed(lines, _MAX_LISTED, "\n  "),
        "Restore them, or add --stretch for those that are not 16:9, and run again. Or leave them out: --skip-broken",
    )


def write_report(output: Path, data: str, reports: Mapping[str, SplitReport | None]) -> None:
    """Writes the report beside those of other splits; None removes a split, for as long as it is not done."""
    path = output / REPORT
    try:
        splits: dict[str, Any] = json.loads(path.read_bytes())["splits"]
    except (OSError, ValueError, KeyError, TypeError):
        splits = {}
    splits |= {split: None if report is None else asdict(report) for split, report in reports.items()}
    splits = {split: splits[split] for split in sorted(splits) if splits[split] is not None}
    if splits:
        write_file(path, json.dumps({"visorvos": __version__, "data": data, "splits": splits}, indent=1) + "\n")
    else:
        path.unlink(missing_ok=True)
