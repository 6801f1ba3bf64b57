"""What to convert: sequences, their frames, and the ids of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from visorvos.core.datasets.visor.annotations import AnnotatedFrame, read_annotations
from visorvos.core.datasets.visor.rasterize import Polygons
from visorvos.core.datasets.visor.release import AnnotationFile
from visorvos.core.io.archives import read_bytes
from visorvos.errors import VisorVosError

Drawing = list[tuple[int, Polygons]]
"""Id and polygons of each entity, in drawing order."""

MIN_MASKS = {"train": 3, "val": 2}
"""Masks below which a sequence is dropped: a training clip has three frames, an evaluation two."""
_MAX_ID = 255


@dataclass(frozen=True)
class Rules:
    """How objects are numbered."""

    objects: Literal["first-frame", "all"]
    """The objects of a sequence that are kept."""
    reference_ids: bool
    """Whether each frame's entities are numbered by their order if the first frame has none, as in the reference."""
    dense: bool


@dataclass(frozen=True)
class PlannedFrame:
    """A frame of a sequence."""

    stem: str
    """Name without suffix."""
    video: str
    has_objects: bool
    """Whether it has an entity to draw. Its mask may be empty nevertheless."""


@dataclass(frozen=True)
class PlannedSequence:
    """A sequence, its frames in order."""

    name: str
    frames: tuple[PlannedFrame, ...]
    ids: dict[str, int]
    """Id by object name."""
    first_is_empty: bool
    """Whether the first frame holds no object."""
    by_order: bool
    """Whether the entities of each frame are numbered by their order."""


@dataclass(frozen=True)
class VideoPlan:
    """The sequences of one JSON file."""

    file: AnnotationFile
    split: str
    rules: Rules
    sequences: tuple[PlannedSequence, ...]

    @property
    def videos(self) -> dict[str, str]:
        """The videos that have objects to draw, each with the name of one of its frames."""
        frames = [frame for sequence in self.sequences for frame in sequence.frames]
        return {frame.video: frame.stem for frame in reversed(frames) if frame.has_objects}


def plan_video(task: tuple[AnnotationFile, str, Rules]) -> VideoPlan:
    """Reads and checks one JSON file and plans its sequences.

    Args:
        task: the file, its split, and how objects are numbered.

    Raises:
        VisorVosError: if the file has another form, or a sequence too many objects.
    """
    file, split, rules = task
    sequences = []
    for name, frames in _frames_by_sequence(file, rules).items():
        ids = _number(frames, rules)
        if len(ids) > _MAX_ID:
            raise VisorVosError(
                f"{file.location}: sequence {name} has {len(ids)} objects; a mask can hold {_MAX_ID}.",
                "Keep only the objects of the first frame: --objects first-frame",
            )
        is_empty = not _named(frames[0])
        by_order = is_empty and rules.objects == "first-frame" and rules.reference_ids
        planned = tuple(PlannedFrame(f.image.stem, f.image.video, bool(_drawing(f, ids, by_order))) for f in frames)
        sequences.append(PlannedSequence(name, planned, ids, is_empty, by_order))
    return VideoPlan(file, split, rules, tuple(sequences))


def check_unique(plans: Iterable[VideoPlan]) -> None:
    """Checks that no two files have a sequence of the same name, since both would become one folder.

    Raises:
        VisorVosError: naming the sequence and both files.
    """
    first: dict[str, VideoPlan] = {}
    for plan in plans:
        for sequence in plan.sequences:
            other = first.setdefault(sequence.name, plan)
            if other is not plan:
                raise VisorVosError(
                    f"The sequence {sequence.name} is in {other.file.location} and in {plan.file.location}.",
                    "Remove one of the two files.",
                )


def drawings(plan: VideoPlan) -> Iterator[tuple[PlannedSequence, PlannedFrame, Drawing]]:
    """Yields the drawing of every frame that has one.

    Reads the JSON file again: the polygons of a whole release would fill the memory.
    """
    by_sequence = _frames_by_sequence(plan.file, plan.rules)
    for sequence in plan.sequences:
        for planned, frame in zip(sequence.frames, by_sequence[sequence.name], strict=True):
            if planned.has_objects:
                yield sequence, planned, _drawing(frame, sequence.ids, sequence.by_order)


def _frames_by_sequence(file: AnnotationFile, rules: Rules) -> dict[str, list[AnnotatedFrame]]:
    by_sequence: dict[str, list[AnnotatedFrame]] = {}
    for frame in read_annotations(read_bytes(file.location), str(file.location), rules.dense):
        by_sequence.setdefault(frame.sequence(rules.dense), []).append(frame)
    return by_sequence


def _named(frame: AnnotatedFrame) -> set[str]:
    """Names of the objects that a frame outlines."""
    return {entity.name for entity in frame.annotations if entity.segments}


def _number(frames: list[AnnotatedFrame], rules: Rules) -> dict[str, int]:
    if rules.objects == "all":
        names = set().union(*map(_named, frames))
    elif rules.reference_ids:
        names = _named(frames[0])
    else:
        # Frames without an object are left out, so the first one with objects is the first of the data set.
        names = next(filter(None, map(_named, frames)), set())
    return {name: object_id for object_id, name in enumerate(sorted(names), start=1)}


def _drawing(frame: AnnotatedFrame, ids: dict[str, int], by_order: bool) -> Drawing:
    shown = [entity for entity in frame.annotations if entity.segments]
    if by_order:
        return [(min(place, _MAX_ID), entity.polygons) for place, entity in enumerate(shown, start=1)]
    return [(ids[entity.name], entity.polygons) for entity in shown if entity.name in ids]
