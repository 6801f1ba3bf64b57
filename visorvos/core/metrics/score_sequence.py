"""One sequence's masks read and scored: what a process does that shares the work, apart from what it need not load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visorvos.core.datasets.davis.ground_truth import open_truth
from visorvos.core.metrics.accumulator import SequenceScores, score_sequence

__all__ = ["MasksOfSequence", "score_masks"]


@dataclass(frozen=True)
class MasksOfSequence:
    """The files of one sequence to score."""

    sequence: str
    first: Path
    """The first true mask."""
    frames: tuple[tuple[str, Path, Path], ...]
    """Name, true mask and predicted mask of each frame that counts."""
    names: Mapping[int, str]
    """Object names by id."""


def score_masks(masks: MasksOfSequence) -> SequenceScores:
    """J and F of a sequence's objects, 1 to the highest id of its first mask.

    Raises:
        VisorVosError: see `read_mask`, `Truth.predicted` and `score_sequence`.
    """
    truth = open_truth([masks.first])
    frames = ((frame, truth.labels(true), truth.predicted(predicted)) for frame, true, predicted in masks.frames)
    return score_sequence(masks.sequence, frames, range(1, truth.objects + 1), masks.names)
