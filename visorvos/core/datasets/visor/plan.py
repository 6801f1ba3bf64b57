"""What is to be converted: sequences, their frames, and the ids of their objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from visorvos.core.datasets.visor.annotations import Entity, Frame, read_video
from visorvos.core.datasets.visor.rasterize import Polygons
from visorvos.core.datasets.visor.release import AnnotationFile
from visorvos.errors import VisorVosError

__all__ = ["Drawing", "PlannedFrame", "PlannedSequence", "Rules", "VideoPlan", "check_apart", "drawings", "survey"]

Drawing = list[tuple[int, Polygons]]
"""Id and polygons of each entity, in the order they are drawn."""

_LARGEST_ID = 255


@dataclass(frozen=True)
class Rules:
    """How objects are numbered."""

    objects: Literal["first-frame", "all"]
    """Which of a sequence's objects are kept."""
    reference_ids: bool
    """Whether to number by order where the first frame has no object, as the reference does."""
    dense: bool


@dataclass(frozen=True)
class PlannedFrame:
    """A frame of a sequence."""

    stem: str
    """Name without suffix."""
    video: str
    drawn: bool
    """Whether it has an entity to draw; its mask may be empty nevertheless."""


@dataclass(frozen=True)
class PlannedSequence:
    """A sequence in the order of its frames."""

    name: str
    frames: tuple[PlannedFrame, ...]
    ids: dict[str, int]
    """Id by object name; empty where entities are numbered by their order."""
    first_is_empty: bool
    """Whether the first frame holds no object."""

    @property
    def mapping(self) -> dict[str, str]:
        """Object name by id, as it stands in the mapping file."""
        return {str(index): name for name, index in self.ids.items()}


@dataclass(frozen=True)
class VideoPlan:
    """The sequences of one JSON."""

    file: AnnotationFile
    split: str
    rules: Rules
    sequences: tuple[PlannedSequence, ...]


def survey(task: tuple[AnnotationFile, str, Rules]) -> VideoPlan:
    """Reads and validates one JSON, and plans its sequences.

    Args:
        task: the file, its split, and how objects are numbered.

    Raises:
        VisorVosError: where the file is not as it should be.
    """
    file, split, rules = task
    by_sequence: dict[str, list[Frame]] = {}
    for frame in _read(file, rules):
        by_sequence.setdefault(frame.sequence(rules.dense), []).append(frame)
    sequences = []
    for name, frames in by_sequence.items():
        ids = _number(frames, rules)
        if len(ids) > _LARGEST_ID:
            raise VisorVosError(
                f"{file.location}: sequence {name} has {len(ids)} objects; a mask can hold {_LARGEST_ID}.",
                "Keep the objects of the first frame alone: --objects first-frame",
            )
        planned = tuple(
            PlannedFrame(f.image.stem, f.image.video, bool(_drawing(f, ids, _by_order(frames, rules)))) for f in frames
        )
        sequences.append(PlannedSequence(name, planned, ids, not _named(frames[0])))
    return VideoPlan(file, split, rules, tuple(sequences))


def check_apart(plans: Iterable[VideoPlan]) -> None:
    """Sees that no two files have a sequence of one name: it would become one folder.

    Raises:
        VisorVosError: naming the sequence and both files.
    """
    home: dict[str, VideoPlan] = {}
    for plan in plans:
        for sequence in plan.sequences:
            other = home.setdefault(sequence.name, plan)
            if other is not plan:
                raise VisorVosError(
                    f"The sequence {sequence.name} is in {other.file.location} and in {plan.file.location}.",
                    "Remove one of the two.",
                )


def drawings(plan: VideoPlan) -> Iterator[tuple[PlannedSequence, PlannedFrame, Drawing]]:
    """Every frame of a plan that has something to draw. Reads the JSON again: polygons of a whole release would
    fill the memory."""
    sequences = {sequence.name: sequence for sequence in plan.sequences}
    by_sequence: dict[str, list[Frame]] = {name: [] for name in sequences}
    for frame in _read(plan.file, plan.rules):
        by_sequence[frame.sequence(plan.rules.dense)].append(frame)
    for name, frames in by_sequence.items():
        sequence = sequences[name]
        by_order = _by_order(frames, plan.rules)
        for planned, frame in zip(sequence.frames, frames, strict=True):
            if planned.drawn:
                yield sequence, planned, _drawing(frame, sequence.ids, by_order)


def _read(file: AnnotationFile, rules: Rules) -> list[Frame]:
    return read_video(file.read(), str(file.location), rules.dense)


def _named(frame: Frame) -> set[str]:
    """The objects that a frame shows: entities without any polygon do not count."""
    return {entity.name for entity in frame.annotations if entity.segments}


def _number(frames: list[Frame], rules: Rules) -> dict[str, int]:
    if rules.objects == "all":
        names = set().union(*map(_named, frames))
    elif rules.reference_ids:
        names = _named(frames[0])
    else:
        # Frames without an object are left out, so the first one with objects is the first of the data set.
        names = next(filter(None, map(_named, frames)), set())
    return {name: index for index, name in enumerate(sorted(names), start=1)}


def _by_order(frames: list[Frame], rules: Rules) -> bool:
    return rules.objects == "first-frame" and rules.reference_ids and not _named(frames[0])


def _drawing(frame: Frame, ids: dict[str, int], by_order: bool) -> Drawing:
    shown: list[Entity] = [entity for entity in frame.annotations if entity.segments]
    if by_order:
        return [(min(index, _LARGEST_ID), entity.polygons) for index, entity in enumerate(shown, start=1)]
    return [(ids[entity.name], entity.polygons) for entity in shown if entity.name in ids]
