"""What a preparation kept, left out and dropped: ``prepare_report.json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from visorvos.core.datasets.visor.convert import FrameResult
from visorvos.core.datasets.visor.plan import PlannedSequence
from visorvos.core.datasets.visor.prepare_report import Broken, Kept, Published, SplitReport

__all__ = ["FEWEST_MASKS", "PUBLISHED", "report_split"]

FEWEST_MASKS = {"train": 3, "val": 2}
"""Masks below which a sequence is dropped: a training clip has three frames, an evaluation two."""

PUBLISHED = {"train": (115, 5309), "val": (43, 1244)}
"""Videos and sequences of the full release, as published with VISOR."""

Results = Mapping[tuple[str, str], FrameResult]
"""Results by sequence and frame; frames without anything to draw have none."""


def report_split(
    split: str, objects: str, videos: int, sequences: Iterable[PlannedSequence], results: Results, dense: bool
) -> SplitReport:
    """Counts what became of a split.

    Args:
        split: its name.
        objects: which objects were kept.
        videos: number of annotation files.
        sequences: all that were planned.
        results: what became of each frame.
        dense: whether these are the dense annotations, of which no counts are published.
    """
    kept: dict[str, Kept] = {}
    dropped: dict[str, str] = {}
    broken: list[Broken] = []
    empty_first = []
    frames_dropped = frames_empty = 0
    for sequence in sequences:
        done, faults, empty = _sort_frames(sequence, results)
        broken += faults
        frames_empty += len(empty)
        if sequence.first_is_empty:
            empty_first.append(sequence.name)
        fewest = FEWEST_MASKS[split]
        if len(done) < fewest:
            masks = f"{len(done)} mask{'s' * (len(done) != 1)}"
            without = "".join(
                f", {len(frames)} {what} frame{'s' * (len(frames) != 1)}"
                for what, frames in (("empty", empty), ("broken", faults))
                if frames
            )
            dropped[sequence.name] = f"{masks} where {split} needs {fewest}{without}"
            frames_dropped += len(done)
            continue
        shown = set[int]().union(*done.values())
        first = set(next(iter(done.values())))
        kept[sequence.name] = Kept(
            frames=len(done), objects=len(shown), empty_frames=tuple(empty), late_objects=tuple(sorted(shown - first))
        )
    totals = {
        "sequences_kept": len(kept),
        "sequences_dropped": len(dropped),
        "frames_kept": sum(entry.frames for entry in kept.values()),
        "frames_empty": frames_empty,
        "frames_dropped": frames_dropped,
        "frames_broken": len(broken),
    }
    return SplitReport(
        videos=videos,
        objects=objects,
        kept=dict(sorted(kept.items())),
        dropped=dict(sorted(dropped.items())),
        empty_first_frames=tuple(sorted(empty_first)),
        broken=tuple(broken),
        published=None if dense else _compare(split, videos, len(kept)),
        totals=totals,
    )


def _sort_frames(sequence: PlannedSequence, results: Results) -> tuple[dict[str, bytes], list[Broken], list[str]]:
    """The frames of a sequence that are done, with their ids; that are broken; that are empty."""
    done: dict[str, bytes] = {}
    broken, empty = [], []
    for frame in sequence.frames:
        result = results.get((sequence.name, frame.stem))
        if result is None:
            empty.append(frame.stem)
        elif result.problem:
            broken.append(Broken(sequence=sequence.name, frame=frame.stem, problem=result.problem))
        elif result.ids is None:
            empty.append(frame.stem)
        else:
            done[frame.stem] = result.ids
    return done, broken, empty


def _compare(split: str, videos: int, sequences: int) -> Published:
    published_videos, published_sequences = PUBLISHED[split]
    full = videos == published_videos
    return Published(
        videos=published_videos,
        sequences=published_sequences,
        full_release=full,
        equal=sequences == published_sequences if full else None,
    )
