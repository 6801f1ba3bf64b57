"""Scores of a data set, gathered sequence by sequence: data set, sequence, object, frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.contour import label_contours
from visorvos.core.metrics.region import label_regions
from visorvos.core.metrics.summary import Statistics, average, summarize
from visorvos.errors import VisorVosError

__all__ = ["Accumulator", "ObjectScores", "ScoreReport", "SequenceScores", "score_sequence"]

# ObjectScores, SequenceScores and ScoreReport answer to the same names: region_statistics (J),
# contour_statistics (F), j_and_f (the mean of the two means, in [0, 1]) and to_dict (plain JSON types).


@dataclass(frozen=True, eq=False)
class ObjectScores:
    """One object's scores in one sequence.

    Attributes:
        sequence: the sequence's name.
        object_id: the object's label in the masks, 1..255.
        name: what the object is, where known.
        frames: names of the scored frames, in order, at least one.
        region: float64 (len(frames),), J a frame.
        contour: float64 (len(frames),), F a frame.
        sizes: float64 (len(frames),), the share of the frame's pixels that the true mask covers, in [0, 1].

    Raises:
        ValueError: no frames, or not one J, one F and one size a frame.
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

    @property
    def j_and_f(self) -> float:
        return _j_and_f(self.region_statistics, self.contour_statistics)

    def to_dict(self) -> dict[str, Any]:
        per_frame = zip(self.frames, self.region.tolist(), self.contour.tolist(), self.sizes.tolist(), strict=True)
        return {
            "object": self.object_id,
            "name": self.name,
            **_statistics_dict(self),
            "frames": [{"frame": frame, "J": j, "F": f, "size": size} for frame, j, f, size in per_frame],
        }


@dataclass(frozen=True)
class SequenceScores:
    """One sequence's scores: the mean over its objects.

    Attributes:
        sequence: the sequence's name.
        objects: its objects in the order of their ids. Without any it has no statistics (ValueError).
    """

    sequence: str
    objects: tuple[ObjectScores, ...]

    @property
    def region_statistics(self) -> Statistics:
        return average([item.region_statistics for item in self.objects])

    @property
    def contour_statistics(self) -> Statistics:
        return average([item.contour_statistics for item in self.objects])

    @property
    def j_and_f(self) -> float:
        return _j_and_f(self.region_statistics, self.contour_statistics)

    def to_dict(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            **_statistics_dict(self),
            "objects": [item.to_dict() for item in self.objects],
        }


@dataclass(frozen=True)
class ScoreReport:
    """A data set's scores: the mean over all its objects, whichever sequence they are in.

    Attributes:
        protocol: the evaluation protocol, such as "visor" or "davis".
        sequences: the scored sequences in the order of their names, each with an object at least.
        unscored: names of the sequences in which there was no object or no frame to score.
    """

    protocol: str
    sequences: tuple[SequenceScores, ...]
    unscored: tuple[str, ...]

    @property
    def objects(self) -> tuple[ObjectScores, ...]:
        """All objects, sequence by sequence."""
        return tuple(item for sequence in self.sequences for item in sequence.objects)

    @property
    def region_statistics(self) -> Statistics:
        return average([item.region_statistics for item in self.objects])

    @property
    def contour_statistics(self) -> Statistics:
        return average([item.contour_statistics for item in self.objects])

    @property
    def j_and_f(self) -> float:
        return _j_and_f(self.region_statistics, self.contour_statistics)

    def to_dict(self) -> dict[str, Any]:
        return {
            "protocol": self.protocol,
            **_statistics_dict(self),
            "sequences": [item.to_dict() for item in self.sequences],
            "unscored": list(self.unscored),
        }


def score_sequence(
    sequence: str,
    frames: Iterable[tuple[str, NDArray[np.uint8], NDArray[np.uint8]]],
    object_ids: Sequence[int],
    names: Mapping[int, str] | None = None,
) -> SequenceScores:
    """Score every object of one sequence, frame by frame, so that no more than one frame is held.

    Args:
        sequence: the sequence's name.
        frames: a triple for each frame to score, in order: its name, and the true and the predicted labels,
            uint8 (H, W) with 0 for the background. Which frames these are is the protocol's choice.
            Without ids none is read.
        object_ids: the labels to score, each an object; labels not among them count as background.
        names: what the objects are, by id, as far as known.

    Returns:
        The scores; without objects where there are no ids or no frames.

    Raises:
        VisorVosError: a frame's two label images are not of one shape (H, W); it names sequence and frame.
    """
    frame_names: list[str] = []
    region: dict[int, list[float]] = {object_id: [] for object_id in object_ids}
    contour: dict[int, list[float]] = {object_id: [] for object_id in object_ids}
    sizes: dict[int, list[float]] = {object_id: [] for object_id in object_ids}
    for frame, truth, prediction in frames if region else ():
        if truth.ndim != 2 or truth.shape != prediction.shape:
            raise VisorVosError(
                f"Sequence {sequence}, frame {frame}: expected two label images of one shape (H, W), "
                f"but the truth's is {truth.shape} and the prediction's {prediction.shape}.",
                "Save predictions as one-channel images at the resolution of the annotations.",
            )
        frame_names.append(frame)
        for object_id, (j, size), f in zip(
            region, label_regions(truth, prediction, region), label_contours(truth, prediction, region), strict=True
        ):
            region[object_id].append(j)
            contour[object_id].append(f)
            sizes[object_id].append(size)
    if not frame_names:
        return SequenceScores(sequence, objects=())
    return SequenceScores(
        sequence,
        objects=tuple(
            ObjectScores(
                sequence=sequence,
                object_id=object_id,
                name=None if names is None else names.get(object_id),
                frames=tuple(frame_names),
                region=np.array(region[object_id]),
                contour=np.array(contour[object_id]),
                sizes=np.array(sizes[object_id]),
            )
            for object_id in sorted(region)
        ),
    )


class Accumulator:
    """Gathers the scores of a data set's sequences, in whatever order they come.

    Args:
        protocol: the evaluation protocol's name, for the report.
    """

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self._sequences: dict[str, SequenceScores] = {}

    def update(self, scores: SequenceScores) -> None:
        """Add one sequence.

        Raises:
            VisorVosError: the sequence was added before, so that its objects would count twice.
        """
        if scores.sequence in self._sequences:
            raise VisorVosError(
                f"Sequence {scores.sequence} was scored twice.", "List each sequence once in the split."
            )
        self._sequences[scores.sequence] = scores

    def compute(self) -> ScoreReport:
        """The report on what was added so far.

        Raises:
            VisorVosError: there is no object in any sequence.
        """
        ordered = [self._sequences[name] for name in sorted(self._sequences)]
        if not any(item.objects for item in ordered):
            raise VisorVosError(
                f"None of {len(ordered)} sequences has an object to score.",
                "Check that first masks show objects, and that the sequences have frames which the protocol counts.",
            )
        return ScoreReport(
            protocol=self.protocol,
            sequences=tuple(item for item in ordered if item.objects),
            unscored=tuple(item.sequence for item in ordered if not item.objects),
        )


def _j_and_f(region: Statistics, contour: Statistics) -> float:
    return (region.mean + contour.mean) / 2


def _statistics_dict(scores: ObjectScores | SequenceScores | ScoreReport) -> dict[str, Any]:
    region, contour = scores.region_statistics, scores.contour_statistics
    return {"J&F": _j_and_f(region, contour), "J": asdict(region), "F": asdict(contour)}
