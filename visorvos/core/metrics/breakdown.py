"""Scores of a data set and its parts, by class, by size and by time since the first frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.bootstrap import Estimate, pooled_means
from visorvos.core.metrics.scores import ObjectScores, SequenceScores

__all__ = [
    "MEASURES",
    "SIZES",
    "Group",
    "age_label",
    "by_age",
    "by_class",
    "by_size",
    "object_measures",
    "overall",
    "size_label",
]

MEASURES = ("J&F", "J", "J recall", "J decay", "F", "F recall", "F decay")
"""Figures that the benchmark reports, each a mean over objects."""

SIZES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Shares of the frame that separate the size groups."""


@dataclass(frozen=True)
class Group:
    """Scores of a group of object masks.

    Attributes:
        label: what the masks have in common.
        sequences, objects, masks: counts. An object counts in every group that contains one of its masks.
        j_and_f, region, contour: mean J&F, J and F.
    """

    label: str
    sequences: int
    objects: int
    masks: int
    j_and_f: Estimate
    region: Estimate
    contour: Estimate


def object_measures(item: ObjectScores) -> tuple[float, ...]:
    """Figures of an object in the order of `MEASURES`."""
    region, contour = item.region_statistics, item.contour_statistics
    figures = (region.mean, region.recall, region.decay, contour.mean, contour.recall, contour.decay)
    return ((region.mean + contour.mean) / 2, *figures)


def overall(sequences: Sequence[SequenceScores]) -> dict[str, Estimate]:
    """Figures of at least one sequence, by their names in `MEASURES`."""
    sums = np.array([np.sum([object_measures(item) for item in sequence.objects], axis=0) for sequence in sequences])
    counts = np.array([[float(len(sequence.objects))] for sequence in sequences])
    return dict(zip(MEASURES, pooled_means(sums, np.broadcast_to(counts, sums.shape)), strict=True))


def by_class(sequences: Sequence[SequenceScores]) -> list[Group]:
    """One group per object name, in alphabetical order; means over objects."""
    names = sorted({item.name for sequence in sequences for item in sequence.objects if item.name is not None})
    place = {name: index for index, name in enumerate(names)}

    def rows(item: ObjectScores) -> Iterable[tuple[int, int, float, float]]:
        if item.name is not None:
            region, contour = item.region_statistics.mean, item.contour_statistics.mean
            yield place[item.name], len(item.frames), region, contour

    return _groups(sequences, names, rows)


def by_size(sequences: Sequence[SequenceScores]) -> list[Group]:
    """Groups by the share of the frame that the ground-truth mask covers, ascending; means over masks."""
    labels = [size_label(index) for index in range(len(SIZES) + 2)]
    return _groups(sequences, labels, _each_mask(lambda item: _size_index(item.sizes)))


def by_age(sequences: Sequence[SequenceScores]) -> list[Group]:
    """Groups by the number of frames since the given first frame: 1, 2, 3 to 4, 5 to 8, ...; means over masks."""
    longest = max(len(item.frames) for sequence in sequences for item in sequence.objects)
    labels = [age_label(index) for index in range(int(_age_index(longest)[-1]) + 1)]
    return _groups(sequences, labels, _each_mask(lambda item: _age_index(len(item.frames))))


def size_label(index: int) -> str:
    """Label of a size group."""
    if index == 0:
        return "not visible"
    edges = [f"{100 * edge:g}" for edge in SIZES]
    if index == 1:
        return f"under {edges[0]} %"
    return f"over {edges[-1]} %" if index > len(edges) else f"{edges[index - 2]} to {edges[index - 1]} %"


def age_label(index: int) -> str:
    """Label of a group of frames since the first."""
    first, last = (1 << index - 1) + 1 if index else 1, 1 << index
    return str(last) if first == last else f"{first} to {last}"


def _size_index(sizes: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.where(sizes > 0, 1 + np.searchsorted(SIZES, sizes, side="right"), 0)


def _age_index(frames: int) -> NDArray[np.int64]:
    """Group of each scored frame; the first scored frame follows the given one."""
    return np.ceil(np.log2(np.arange(1, frames + 1))).astype(np.int64)


_Rows = Callable[[ObjectScores], Iterable[tuple[int, int, float, float]]]
"""Rows of an object: group, number of masks, and a J and an F that count once."""


def _each_mask(index: Callable[[ObjectScores], NDArray[np.int64]]) -> _Rows:
    def rows(item: ObjectScores) -> Iterable[tuple[int, int, float, float]]:
        ones = [1] * len(item.frames)
        return zip(index(item).tolist(), ones, item.region.tolist(), item.contour.tolist(), strict=True)

    return rows


def _groups(sequences: Sequence[SequenceScores], labels: Sequence[str], rows: _Rows) -> list[Group]:
    """The non-empty groups."""
    shape = (len(sequences), len(labels))
    region, contour, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    masks, objects = np.zeros(len(labels), np.int64), np.zeros(len(labels), np.int64)
    for row, sequence in enumerate(sequences):
        for item in sequence.objects:
            met = set()
            for group, number, j, f in rows(item):
                region[row, group] += j
                contour[row, group] += f
                counts[row, group] += 1
                masks[group] += number
                met.add(group)
            objects[list(met)] += 1
    there = [int(group) for group in np.flatnonzero(masks)]
    if not there:
        return []
    sums = np.concatenate([part[:, there] for part in ((region + contour) / 2, region, contour)], axis=1)
    estimates = pooled_means(sums, np.tile(counts[:, there], 3))
    return [
        Group(
            labels[group],
            int(np.count_nonzero(counts[:, group])),
            int(objects[group]),
            int(masks[group]),
            *estimates[position :: len(there)],
        )
        for position, group in enumerate(there)
    ]
