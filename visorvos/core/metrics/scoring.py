"""Scores of predicted masks against ground truth: arrays of one sequence, and folders of many."""

from __future__ import annotations

import glob
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.io.masks import mask_files
from visorvos.core.io.paths import in_other_case
from visorvos.core.labels import object_ids as ids_of
from visorvos.core.metrics.contour import label_contours
from visorvos.core.metrics.region import label_regions
from visorvos.core.metrics.scores import ObjectScores, ScoreReport, SequenceScores
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import spread, usable_cores
from visorvos.errors import VisorVosError, listed

Labels = NDArray[np.uint8]
Protocol = Literal["visor", "davis"]
_MAX_LISTED = 5


def evaluate_masks(
    truth_dir: str | Path,
    prediction_dir: str | Path,
    sequences: Sequence[str] | None = None,
    protocol: Protocol = "visor",
    names: Mapping[str, Mapping[int, str]] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    late_objects: bool = False,
) -> ScoreReport:
    """Region similarity J and contour accuracy F of a folder of predicted masks.

    The objects of a sequence are 1 to the highest id of its first mask, which is given and not scored.
    Masks are paired by name. 255 is the object where the first ground-truth mask holds only 0 and 255 (DAVIS 2016),
    otherwise it is not an object.

    Args:
        truth_dir: ground-truth masks, ``SEQUENCE/FRAME.png``.
        prediction_dir: predicted masks, ``SEQUENCE/FRAME.png``.
        sequences: names of the sequences to score; None scores every sequence in ``truth_dir``.
        protocol: "visor" scores all frames except the first, "davis" also leaves out the last.
        names: object names by sequence and id.
        workers: number of processes that share the sequences; 0 uses one per core. With more than one, a script
            that calls this needs the guard ``if __name__ == "__main__":``.
        progress: receives one step per sequence.
        late_objects: also score objects that first appear after the first frame, each from the frame after its
            first mask (the YouTube-VOS protocol).

    Returns:
        Scores per data set, sequence, object and frame, with warnings about what is not counted.

    Raises:
        VisorVosError: if predictions are missing (all are counted), a mask cannot be read or has another size than
            its ground truth, no predicted id of a sequence is an id of its ground truth, or nothing can be scored.
    """
    truth_dir, prediction_dir = Path(truth_dir), Path(prediction_dir)
    for folder in (truth_dir, prediction_dir):
        if not folder.is_dir():
            near = in_other_case(folder)
            found = f" (there is {near.name})" if near else ""
            raise VisorVosError(f"Folder not found: {folder}{found}", "Give a folder that holds SEQUENCE/FRAME.png.")
    if sequences is None:
        sequences = sorted(entry.name for entry in truth_dir.iterdir() if entry.is_dir())
    tasks = _plan(truth_dir, prediction_dir, sequences, protocol, names or {}, late_objects)
    # Longest first, so that no process is left alone with a long sequence at the end.
    tasks.sort(key=lambda task: len(task.frames), reverse=True)
    progress = progress or Progress()
    scored = spread(_score_files, tasks, min(workers or usable_cores(), len(tasks)))
    return ScoreReport.from_sequences(protocol, progress.track(scored, "Scoring", "sequences", len(tasks)))


def score_sequence(
    sequence: str,
    frames: Iterable[tuple[str, Labels, Labels]],
    object_ids: Sequence[int],
    names: Mapping[int, str] | None = None,
    given: Collection[int] = (),
    late_objects: bool = False,
) -> SequenceScores:
    """Scores every object of one sequence frame by frame, holding one frame at a time.

    Args:
        sequence: name of the sequence.
        frames: one triple per frame to score, in order: its name, and the ground-truth and predicted labels,
            uint8 (H, W), 0 the background. The protocol decides which frames these are.
        object_ids: labels to score; other labels count as background.
        names: object names by id.
        given: ids that the first mask shows, which is given and not among the frames.
        late_objects: also score labels that first appear in a later frame, each from the frame after it.

    Returns:
        The scores, without objects where there are no ids or no frames.

    Raises:
        VisorVosError: if a frame's two label images are not both (H, W), or no predicted id is in the ground truth.
    """
    frame_names: list[str] = []
    first_frame = dict.fromkeys(sorted(object_ids), 0)
    figures: dict[int, list[tuple[float, float, float]]] = {object_id: [] for object_id in first_frame}
    shown = set(given)
    predicted: dict[str, list[int]] = {}
    checksum = 0
    for frame, truth, prediction in frames if figures or late_objects else ():
        if truth.ndim != 2 or truth.shape != prediction.shape:
            raise VisorVosError(
                f"Sequence {sequence}, frame {frame}: ground truth and prediction must have the same shape (H, W), "
                f"got {truth.shape} and {prediction.shape}.",
                "Save predictions as one-channel images at the resolution of the annotations.",
            )
        frame_names.append(frame)
        checksum = zlib.crc32(truth.tobytes(), checksum)
        regions, contours = label_regions(truth, prediction, figures), label_contours(truth, prediction, figures)
        for object_id, (j, size), f in zip(figures, regions, contours, strict=True):
            figures[object_id].append((j, f, size))
        predicted[frame] = ids_of(prediction)
        new = [object_id for object_id in ids_of(truth) if object_id not in shown]
        shown.update(new)
        if late_objects:
            for object_id in set(new) - set(figures):
                first_frame[object_id], figures[object_id] = len(frame_names), []
    scored = {object_id: np.array(rows) for object_id, rows in sorted(figures.items()) if rows}
    unknown = _unknown_ids(sequence, predicted, shown | set(object_ids)) if scored else ()
    return SequenceScores(
        sequence,
        tuple(
            ObjectScores(
                sequence,
                object_id,
                None if names is None else names.get(object_id),
                tuple(frame_names[first_frame[object_id] :]),
                *(np.ascontiguousarray(column) for column in rows.T),
            )
            for object_id, rows in scored.items()
        ),
        f"{checksum:08x}",
        late=tuple(sorted(shown - set(figures))),
        never_shown=tuple(object_id for object_id in scored if object_id not in shown),
        unknown=unknown,
        predicted=any(predicted.values()),
    )


def _unknown_ids(
    sequence: str, predicted: Mapping[str, Sequence[int]], known: set[int]
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Predicted ids that the ground truth lacks, by frame.

    Raises:
        VisorVosError: if none of the predicted ids is known: gray values saved in place of ids, for instance.
    """
    found = {object_id for ids in predicted.values() for object_id in ids}
    if found and not found & known:
        raise VisorVosError(
            f"Sequence {sequence}: no predicted id is an id of the ground truth. Predicted: "
            f"{listed([str(value) for value in sorted(found)], _MAX_LISTED)}; ground truth: "
            f"{listed([str(value) for value in sorted(known)], _MAX_LISTED)}.",
            "Save predictions as palette or gray PNG whose pixels are the object ids of the first mask.",
        )
    surplus = {frame: tuple(value for value in ids if value not in known) for frame, ids in predicted.items()}
    return tuple((frame, ids) for frame, ids in surplus.items() if ids)


@dataclass(frozen=True)
class _SequenceFiles:
    """Files of one sequence to score; sent to a worker process."""

    sequence: str
    first: Path
    """The first ground-truth mask, which is given."""
    frames: tuple[tuple[str, Path, Path], ...]
    """Name, ground-truth mask and predicted mask of each frame that counts."""
    names: Mapping[int, str]
    late_objects: bool


def _score_files(files: _SequenceFiles) -> SequenceScores:
    """J and F of a sequence's objects, 1 to the highest id of its first mask."""
    truth = open_ground_truth([files.first])
    given = ids_of(truth.first.labels)
    objects = given if files.late_objects else range(1, truth.objects + 1)
    frames = (
        (frame, truth.labels(ground_truth), truth.predicted(predicted))
        for frame, ground_truth, predicted in files.frames
    )
    return score_sequence(files.sequence, frames, objects, files.names, given, files.late_objects)


def _plan(
    truth_dir: Path,
    prediction_dir: Path,
    sequences: Sequence[str],
    protocol: Protocol,
    names: Mapping[str, Mapping[int, str]],
    late_objects: bool,
) -> list[_SequenceFiles]:
    """The files to score, once it is certain that all of them exist."""
    tasks, missing = [], []
    for sequence in sequences:
        truth = mask_files(truth_dir / sequence)
        if not truth:
            raise VisorVosError(f"No masks in {truth_dir / sequence}.", "Prepare the data set again.")
        folder = prediction_dir / sequence
        predicted = mask_files(folder) if folder.is_dir() else {}
        counted = list(truth)[1:] if protocol == "visor" else list(truth)[1:-1]
        missing += [folder / f"{frame}.png" for frame in counted if frame not in predicted]
        frames = tuple((frame, truth[frame], predicted[frame]) for frame in counted if frame in predicted)
        first = next(iter(truth.values()))
        tasks.append(_SequenceFiles(sequence, first, frames, names.get(sequence, {}), late_objects))
    if missing:
        raise VisorVosError(
            f"{len(missing)} predicted mask{'s are' if len(missing) > 1 else ' is'} missing: "
            f"{listed(list(map(str, missing)), _MAX_LISTED)}.",
            _find_nearby(missing[0].parent, mask_files(truth_dir / missing[0].parent.name))
            or "Name predictions as the annotations are named, SEQUENCE/FRAME.png.",
        )
    return tasks


def _find_nearby(expected: Path, frames: Collection[str]) -> str:
    """What to do where masks of a sequence lie under another path or other names; "" where there are none nearby.

    Args:
        expected: the folder where they should be.
        frames: names of the sequence's annotated frames.
    """
    predictions, name = expected.parent, glob.escape(expected.name)
    other_names = sorted(path.name for path in expected.glob("*.png") if path.stem not in frames)
    if other_names:
        return f"{expected} holds {listed(other_names, 3)}: name predictions as the annotations are named."
    elsewhere = [*predictions.glob(f"*/{name}"), *predictions.glob(f"*/*/{name}")]
    elsewhere.append(predictions.resolve().parent / expected.name)
    for folder in (*expected.glob("*"), in_other_case(expected), *elsewhere):
        if folder is not None and any(folder.glob("*.png")):
            move = f"give --predictions {folder.parent}" if folder in elsewhere else f"move them to {expected}"
            return f"Masks of that sequence are in {folder}: {move}."
    return ""
