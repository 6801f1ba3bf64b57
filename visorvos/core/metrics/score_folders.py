"""Scores of predicted masks against annotated ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from visorvos.core.io.masks import mask_files
from visorvos.core.metrics.accumulator import Accumulator, ScoreReport
from visorvos.core.metrics.score_sequence import MasksOfSequence, score_masks
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.runtime.worker_pool import WorkerPool, usable_cores
from visorvos.errors import VisorVosError, listed

__all__ = ["evaluate_masks"]

Protocol = Literal["visor", "davis"]
_LISTED = 5


def evaluate_masks(
    truth_dir: str | Path,
    prediction_dir: str | Path,
    sequences: Sequence[str] | None = None,
    protocol: Protocol = "visor",
    names: Mapping[str, Mapping[int, str]] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> ScoreReport:
    """Region similarity J and contour accuracy F of a folder of predicted masks.

    The objects of a sequence are 1 to the highest id of its first mask, which is given and not scored.
    Masks are paired by name. 255 is the object where the first true mask holds only 0 and 255 (DAVIS 2016),
    otherwise no object.

    Args:
        truth_dir: annotated masks, ``SEQUENCE/FRAME.png``.
        prediction_dir: predicted masks, likewise.
        sequences: which to score; all of ``truth_dir`` where None.
        protocol: "visor" scores all frames but the first, "davis" leaves the last out as well.
        names: object names by sequence and id.
        workers: processes that share the sequences; 0 is one for each core. With more than one, a script
            that calls this needs the guard ``if __name__ == "__main__":``.
        progress: hears of each sequence.

    Returns:
        Scores of the data set, each sequence, object and frame.

    Raises:
        VisorVosError: where predictions are missing (all are named), or a mask cannot be read or has
            another size than its truth; and where nothing can be scored.
    """
    truth_dir, prediction_dir = Path(truth_dir), Path(prediction_dir)
    for folder in (truth_dir, prediction_dir):
        if not folder.is_dir():
            raise VisorVosError(f"{folder} is not a folder.", "Give a folder that holds SEQUENCE/FRAME.png.")
    if sequences is None:
        sequences = sorted(entry.name for entry in truth_dir.iterdir() if entry.is_dir())
    tasks = _plan(truth_dir, prediction_dir, sequences, protocol, names or {})
    # The longest first: one that comes last keeps a single process busy while the others have nothing left.
    tasks.sort(key=lambda task: len(task.frames), reverse=True)
    accumulator = Accumulator(protocol)
    progress = progress or NoProgress()
    with WorkerPool(min(workers or usable_cores(), len(tasks))) as pool:
        for scores in progress.track(pool.spread(score_masks, tasks), "Scoring", "sequences", len(tasks)):
            accumulator.update(scores)
    return accumulator.compute()


def _plan(
    truth_dir: Path,
    prediction_dir: Path,
    sequences: Sequence[str],
    protocol: Protocol,
    names: Mapping[str, Mapping[int, str]],
) -> list[MasksOfSequence]:
    """What to score, once it is known that all of it is there."""
    tasks, missing = [], []
    for sequence in sequences:
        truth = mask_files(truth_dir / sequence)
        if not truth:
            raise VisorVosError(f"There are no masks in {truth_dir / sequence}.", "Prepare the data set again.")
        folder = prediction_dir / sequence
        predicted = mask_files(folder) if folder.is_dir() else {}
        counted = list(truth)[1:] if protocol == "visor" else list(truth)[1:-1]
        missing += [folder / f"{frame}.png" for frame in counted if frame not in predicted]
        frames = tuple((frame, truth[frame], predicted[frame]) for frame in counted if frame in predicted)
        tasks.append(MasksOfSequence(sequence, next(iter(truth.values())), frames, names.get(sequence, {})))
    if missing:
        raise VisorVosError(
            f"{len(missing)} predicted masks are missing: {listed(list(map(str, missing)), _LISTED)}.",
            "Predictions are named as the annotations, SEQUENCE/FRAME.png; a missing one is not scored as empty.",
        )
    return tasks
