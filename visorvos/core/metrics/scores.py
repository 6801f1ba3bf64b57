"""Scores of an object, a sequence and a data set."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.summary import Statistics, average, summarize
from visorvos.errors import VisorVosError, listed

__all__ = ["ObjectScores", "ScoreReport", "Scores", "SequenceScores"]

_MAX_LISTED = 5


class Scores(ABC):
    """What the scores of an object, a sequence and a data set have in common."""

    @property
    @abstractmethod
    def region_statistics(self) -> Statistics:
        """Mean, recall and decay of J."""

    @property
    @abstractmethod
    def contour_statistics(self) -> Statistics:
        """Mean, recall and decay of F."""

    @property
    def j_and_f(self) -> float:
        """The mean of the mean J and the mean F, in [0, 1]."""
        return (self.region_statistics.mean + self.contour_statistics.mean) / 2

    def statistics(self) -> dict[str, Any]:
        """The statistics as plain JSON types."""
        return {"J&F": self.j_and_f, "J": asdict(self.region_statistics), "F": asdict(self.contour_statistics)}


@dataclass(frozen=True, eq=False)
class ObjectScores(Scores):
    """Scores of one object in one sequence.

    Attributes:
        sequence: name of the sequence.
        object_id: the object's label in the masks, 1..255.
        name: what the object is, or None where unknown.
        frames: names of the scored frames, in order, at least one.
        region: float64 (len(frames),), J per frame.
        contour: float64 (len(frames),), F per frame.
        sizes: float64 (len(frames),), share of the frame's pixels that the ground-truth mask covers, in [0, 1].

    Raises:
        ValueError: if there are no frames, or not one J, one F and one size per frame.
    """

    sequence: str
    object_id: int
    name: str | None
    frames: tuple[str, ...]
    region: NDArray[np.float64]
    contour: NDArray[np.float64]
    sizes: NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = [array.shape for array in (self.region, self.contour, self.sizes)]
        if not self.frames or any(shape != (len(self.frames),) for shape in shapes):
            raise ValueError(
                f"Expected one J, one F and one size for each of {len(self.frames)} frames (at least 1), "
                f"got the shapes {', '.join(map(str, shapes))}."
            )

    @cached_property
    def region_statistics(self) -> Statistics:
        return summarize(self.region)

    @cached_property
    def contour_statistics(self) -> Statistics:
        return summarize(self.contour)

    def to_dict(self) -> dict[str, Any]:
        per_frame = zip(self.frames, self.region.tolist(), self.contour.tolist(), self.sizes.tolist(), strict=True)
        return {
            "object": self.object_id,
            "name": self.name,
            **self.statistics(),
            "frames": [{"frame": frame, "J": j, "F": f, "size": size} for frame, j, f, size in per_frame],
        }


class _MeanOverObjects(Scores):
    """Scores that are means over objects, each object counting once."""

    objects: tuple[ObjectScores, ...]

    @cached_property
    def region_statistics(self) -> Statistics:
        return average([item.region_statistics for item in self.objects])

    @cached_property
    def contour_statistics(self) -> Statistics:
        return average([item.contour_statistics for item in self.objects])


@dataclass(frozen=True)
class SequenceScores(_MeanOverObjects):
    """Scores of one sequence: the mean over its objects.

    Attributes:
        sequence: name of the sequence.
        objects: scored objects in the order of their ids; without any, the statistics raise ValueError.
        ground_truth: checksum of the ground-truth labels of the scored frames, in hexadecimal.
        late: ids of objects that first appear after the first frame and are not scored.
        never_shown: ids of scored objects that no ground-truth mask shows.
        unknown: predicted ids that the ground truth lacks, by frame; they count as background.
    """

    sequence: str
    objects: tuple[ObjectScores, ...]
    ground_truth: str = ""
    late: tuple[int, ...] = ()
    never_shown: tuple[int, ...] = ()
    unknown: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "ground_truth": self.ground_truth,
            **self.statistics(),
            "objects": [item.to_dict() for item in self.objects],
        }


@dataclass(frozen=True)
class ScoreReport(_MeanOverObjects):
    """Scores of a data set: the mean over all its objects, regardless of their sequence.

    Attributes:
        protocol: name of the evaluation protocol, such as "visor" or "davis".
        sequences: scored sequences in the order of their names, each with at least one object.
        unscored: names of the sequences without an object or a frame to score.
        warnings: sentences about what the scores do not count, or count unexpectedly.
    """

    protocol: str
    sequences: tuple[SequenceScores, ...]
    unscored: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @classmethod
    def from_sequences(cls, protocol: str, scores: Iterable[SequenceScores]) -> ScoreReport:
        """Collects the scores of a data set's sequences, given in any order.

        Raises:
            VisorVosError: if a sequence is given twice, or no sequence has an object.
        """
        ordered = sorted(scores, key=lambda item: item.sequence)
        for one, other in itertools.pairwise(ordered):
            if one.sequence == other.sequence:
                raise VisorVosError(
                    f"Sequence {one.sequence} was scored twice.", "List each sequence once in the split file."
                )
        sequences = tuple(item for item in ordered if item.objects)
        if not sequences:
            raise VisorVosError(
                f"None of {len(ordered)} sequences has an object to score.",
                "Check that the first masks show objects and that the sequences have frames the protocol counts.",
            )
        unscored = tuple(item.sequence for item in ordered if not item.objects)
        return cls(protocol, sequences, unscored, tuple(_warnings(ordered, unscored)))

    @cached_property
    def objects(self) -> tuple[ObjectScores, ...]:  # type: ignore[override]
        """All objects, sequence by sequence."""
        return tuple(item for sequence in self.sequences for item in sequence.objects)

    def to_dict(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol,
            **self.statistics(),
            "sequences": [item.to_dict() for item in self.sequences],
            "unscored": list(self.unscored),
            "warnings": list(self.warnings),
        }


def _warnings(sequences: Iterable[SequenceScores], unscored: tuple[str, ...]) -> Iterable[str]:
    sequences = list(sequences)
    if unscored:
        yield f"Not scored, without an object or a frame to score: {listed(list(unscored), _MAX_LISTED)}."
    late = {item.sequence: item.late for item in sequences if item.late}
    if late:
        yield f"Not scored, since they first appear after the first frame: {_objects(late)}."
    never = {item.sequence: item.never_shown for item in sequences if item.never_shown}
    if never:
        yield (
            f"Shown by no ground-truth mask, and scored 1 in every frame where nothing is predicted: {_objects(never)}."
        )
    unknown = [(item.sequence, frame, ids) for item in sequences for frame, ids in item.unknown]
    if unknown:
        shown = [f"{sequence}/{frame} ({_ids(ids)})" for sequence, frame, ids in unknown]
        yield (
            f"Predicted ids that the ground truth does not have count as background, in {len(unknown)} "
            f"mask{'s' * (len(unknown) != 1)}: {listed(shown, _MAX_LISTED)}."
        )
    if all((item.region == 1).all() and (item.contour == 1).all() for one in sequences for item in one.objects):
        yield "Every predicted mask equals the ground truth: check that the predictions are not the ground truth."


def _objects(found: dict[str, tuple[int, ...]]) -> str:
    """The number of objects and of sequences, and the first of them."""
    count = sum(map(len, found.values()))
    shown = [f"{sequence} ({_ids(ids)})" for sequence, ids in found.items()]
    return (
        f"{count} object{'s' * (count != 1)} in {len(found)} sequence{'s' * (len(found) != 1)}: "
        f"{listed(shown, _MAX_LISTED)}"
    )


def _ids(ids: tuple[int, ...]) -> str:
    return f"id{'s' * (len(ids) != 1)} {listed(list(map(str, ids)), _MAX_LISTED)}"
