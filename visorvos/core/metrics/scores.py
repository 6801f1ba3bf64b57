"""Scores of an object, a sequence and a data set."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.errors import VisorVosError, counted, listed

MEASURES = ("J&F", "J", "J recall", "J decay", "F", "F recall", "F decay")
"""Figures that the benchmark reports, each a mean over objects."""

_MAX_LISTED = 5


@dataclass(frozen=True)
class Statistics:
    """One measure, J or F, over the frames of an object, or averaged over objects.

    Attributes:
        mean: mean over frames, in [0, 1].
        recall: share of the frames that score above 0.5, in [0, 1].
        decay: mean of the first quarter of the frames minus that of the last, in [-1, 1]; lower is better.
    """

    mean: float
    recall: float
    decay: float


def summarize(per_frame: NDArray[np.float64]) -> Statistics:
    """Mean, recall and decay of one object's scores.

    Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation",
    CVPR 2016, section 5; the quarters are those of the DAVIS benchmark, which share their end frames.

    Args:
        per_frame: float64 (n,) in [0, 1], in the order of the frames, n at least 1. The decay of a
            single frame is 0.
    """
    # The small term rounds halves up; numpy would round them to even.
    edges = np.round(np.linspace(1, len(per_frame), 5) + 1e-10).astype(np.int64) - 1
    first_quarter = per_frame[edges[0] : edges[1] + 1]
    last_quarter = per_frame[edges[3] : edges[4] + 1]
    return Statistics(
        mean=float(per_frame.mean()),
        recall=float((per_frame > 0.5).mean()),
        decay=float(first_quarter.mean() - last_quarter.mean()),
    )


def average(statistics: Iterable[Statistics]) -> Statistics:
    """The mean of each statistic over one or more objects, each object counting once."""
    return Statistics(*(float(np.mean(column)) for column in zip(*map(astuple, statistics), strict=True)))


class Scores:
    """What the scores of a sequence and a data set have in common: means over objects, each object counting once."""

    objects: tuple[ObjectScores, ...]

    @cached_property
    def region_statistics(self) -> Statistics:
        """Mean, recall and decay of J."""
        return average(item.region_statistics for item in self.objects)

    @cached_property
    def contour_statistics(self) -> Statistics:
        """Mean, recall and decay of F."""
        return average(item.contour_statistics for item in self.objects)

    @property
    def j_and_f(self) -> float:
        """The mean of the mean J and the mean F, in [0, 1]."""
        return (self.region_statistics.mean + self.contour_statistics.mean) / 2

    @property
    def measures(self) -> tuple[float, ...]:
        """Figures in the order of `MEASURES`."""
        return (self.j_and_f, *astuple(self.region_statistics), *astuple(self.contour_statistics))

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
    """

    sequence: str
    object_id: int
    name: str | None
    frames: tuple[str, ...]
    region: NDArray[np.float64]
    contour: NDArray[np.float64]
    sizes: NDArray[np.float64]

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


@dataclass(frozen=True)
class SequenceScores(Scores):
    """Scores of one sequence: the mean over its objects.

    Attributes:
        sequence: name of the sequence.
        objects: scored objects in the order of their ids; without any, there are no statistics.
        ground_truth: checksum of the ground-truth labels of the scored frames, in hexadecimal.
        late: ids of objects that first appear after the first frame and are not scored.
        never_shown: ids of scored objects that no ground-truth mask shows.
        unknown: predicted ids that the ground truth lacks, by frame; they count as background.
        predicted: whether any scored frame shows a predicted object.
    """

    sequence: str
    objects: tuple[ObjectScores, ...]
    ground_truth: str = ""
    late: tuple[int, ...] = ()
    never_shown: tuple[int, ...] = ()
    unknown: tuple[tuple[str, tuple[int, ...]], ...] = ()
    predicted: bool = True

    @property
    def is_perfect(self) -> bool:
        """Whether every predicted mask equals the ground truth, and some object is visible."""
        scores = [(item.region.min(), item.contour.min(), item.sizes.max()) for item in self.objects]
        return bool(scores) and min(min(j, f) for j, f, _ in scores) == 1 and max(size for *_, size in scores) > 0

    def to_dict(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "ground_truth": self.ground_truth,
            **self.statistics(),
            "objects": [item.to_dict() for item in self.objects],
        }


@dataclass(frozen=True)
class ScoreReport(Scores):
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


def _warnings(sequences: Sequence[SequenceScores], unscored: Sequence[str]) -> Iterable[str]:
    if unscored:
        yield f"Not scored, without an object or a frame to score: {listed(unscored, _MAX_LISTED)}."
    if late := {item.sequence: item.late for item in sequences if item.late}:
        yield f"Not scored, since they first appear after the first frame: {_objects(late)}."
    if never := {item.sequence: item.never_shown for item in sequences if item.never_shown}:
        yield (
            f"Shown by no ground-truth mask, and scored 1 in every frame where nothing is predicted: {_objects(never)}."
        )
    if empty := [item.sequence for item in sequences if item.objects and not item.predicted]:
        yield f"The predicted masks show no object in {counted(len(empty), 'sequence')}: {listed(empty, _MAX_LISTED)}."
    if unknown := [f"{item.sequence}/{frame} ({_ids(ids)})" for item in sequences for frame, ids in item.unknown]:
        yield (
            "Predicted ids that the ground truth does not have count as background, in "
            f"{counted(len(unknown), 'mask')}: {listed(unknown, _MAX_LISTED)}."
        )
    if perfect := [item.sequence for item in sequences if item.is_perfect]:
        yield (
            f"Every predicted mask equals the ground truth in {counted(len(perfect), 'sequence')}: "
            f"{listed(perfect, _MAX_LISTED)}. Check that the predictions are not the ground truth."
        )


def _objects(found: dict[str, tuple[int, ...]]) -> str:
    """The number of objects and of sequences, and the first of them."""
    ids = [object_id for of_sequence in found.values() for object_id in of_sequence]
    shown = [f"{sequence} ({_ids(ids)})" for sequence, ids in found.items()]
    return f"{counted(len(ids), 'object')} in {counted(len(found), 'sequence')}: {listed(shown, _MAX_LISTED)}"


def _ids(ids: tuple[int, ...]) -> str:
    return f"id{'s' * (len(ids) != 1)} {listed(list(map(str, ids)), _MAX_LISTED)}"
