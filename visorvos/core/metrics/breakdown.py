"""Scores of a data set and its parts, by class, by size and by time since the first frame."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visorvos.core.metrics.bootstrap import Estimate, pooled_means
from visorvos.core.metrics.scores import MEASURES, ObjectScores, SequenceScores

_SIZES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Shares of the frame that separate the size groups."""


@dataclass(frozen=True)
class Group:
    """Scores of a group of object masks.

    Attributes:
        label: what the masks have in common.
        sequences, objects, masks: counts. An object counts in every group that contains one of its masks.
        figures: means by their names in `MEASURES`. Only `overall` has recall and decay.
    """

    label: str
    sequences: int
    objects: int
    masks: int
    figures: Mapping[str, Estimate]


def overall(label: str, sequences: Sequence[SequenceScores]) -> Group:
    """All figures of at least one sequence; means over objects."""
    sums = np.array([np.sum([item.measures for item in sequence.objects], axis=0) for sequence in sequences])
    counts = np.array([[float(len(sequence.objects))] for sequence in sequences])
    figures = dict(zip(MEASURES, pooled_means(sums, np.broadcast_to(counts, sums.shape)), strict=True))
    masks = sum(len(item.frames) for sequence in sequences for item in sequence.objects)
    return Group(label, len(sequences), int(counts.sum()), masks, figures)


def by_class(sequences: Sequence[SequenceScores]) -> list[Group]:
    """One group per object name, in alphabetical order; means over objects."""
    names = sorted({item.name for sequence in sequences for item in sequence.objects if item.name})

    def group_of(item: ObjectScores) -> NDArray[np.int64]:
        return np.repeat(names.index(item.name), len(item.frames)) if item.name else np.empty(0, np.int64)

    return _groups(sequences, names, group_of, over_objects=True)


def by_size(sequences: Sequence[SequenceScores]) -> list[Group]:
    """Groups by the share of the frame that the ground-truth mask covers, ascending; means over masks."""
    edges = [f"{100 * edge:g}" for edge in _SIZES]
    between = [f"{low} to {high} %" for low, high in itertools.pairwise(edges)]
    labels = ["not visible", f"under {edges[0]} %", *between, f"over {edges[-1]} %"]
    return _groups(
        sequences,
        labels,
        lambda item: np.where(item.sizes > 0, 1 + np.searchsorted(_SIZES, item.sizes, side="right"), 0),
    )


def by_age(sequences: Sequence[SequenceScores]) -> list[Group]:
    """Groups by the number of frames since the given first frame: 1, 2, 3 to 4, 5 to 8, ...; means over masks."""
    longest = max(len(item.frames) for sequence in sequences for item in sequence.objects)
    powers = [1 << index for index in range(1, 1 + (longest - 1).bit_length())]
    labels = ["1", *(f"{last // 2 + 1} to {last}" if last > 2 else "2" for last in powers)]
    ages = np.arange(1, longest + 1)
    return _groups(sequences, labels, lambda item: np.searchsorted([1, *powers], ages[: len(item.frames)]))


def _groups(
    sequences: Sequence[SequenceScores],
    labels: Sequence[str],
    groups_of: Callable[[ObjectScores], NDArray[np.int64]],
    over_objects: bool = False,
) -> list[Group]:
    """The non-empty groups.

    Args:
        sequences: the scores.
        labels: one per group.
        groups_of: index of the group of each of an object's masks, (frames,); empty leaves the object out.
        over_objects: whether means are over objects, whose masks are then all in one group, instead of over masks.
    """
    totals = np.zeros((len(sequences), len(labels), 3))
    masks, objects = np.zeros((2, len(labels)), np.int64)
    for of_sequence, sequence in zip(totals, sequences, strict=True):
        for item in sequence.objects:
            index = groups_of(item)
            np.add.at(masks, index, 1)
            objects[np.unique(index)] += 1
            terms = np.stack((np.ones_like(item.region), item.region, item.contour), axis=1)
            if over_objects:
                index, terms = index[:1], np.array([[1, item.region_statistics.mean, item.contour_statistics.mean]])
            np.add.at(of_sequence, index, terms)
    there = np.flatnonzero(masks).tolist()
    counts, region, contour = totals[:, there].transpose(2, 0, 1)
    sums = np.concatenate(((region + contour) / 2, region, contour), axis=1)
    estimates = pooled_means(sums, np.tile(counts, 3))
    return [
        Group(
            labels[group],
            int(np.count_nonzero(counts[:, position])),
            int(objects[group]),
            int(masks[group]),
            dict(zip(("J&F", "J", "F"), estimates[position :: len(there)], strict=True)),
        )
        for position, group in enumerate(there)
    ]
