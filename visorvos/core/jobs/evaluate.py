"""``visorvos evaluate``: scores predicted masks, or runs a network and scores its masks."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from visorvos._version import __version__
from visorvos.core.datasets.davis.layout import (
    FRAMES,
    MASKS,
    VideoSequence,
    note_frames_without_mask,
    open_split,
)
from visorvos.core.io.atomic import make_folder, write_file
from visorvos.core.io.paths import real_path
from visorvos.core.io.settings_file import write_settings, yaml_text
from visorvos.core.metrics.breakdown import Group
from visorvos.core.metrics.scores import ScoreReport
from visorvos.core.metrics.scoring import evaluate_masks
from visorvos.core.report.evaluation_page import evaluation_page, parts_of
from visorvos.core.runtime.processes import Processes, find_processes
from visorvos.core.runtime.progress import Progress
from visorvos.errors import VisorVosError
from visorvos.settings.evaluate import EvaluateSettings

COUNTED = {
    "visor": "all frames but the first, which is given",
    "davis": "all frames but the first, which is given, and the last",
}
"""Frames that each protocol scores."""


@dataclass(frozen=True)
class Evaluation:
    """The scores, and how they were obtained."""

    data: str
    split: str
    source: str
    """The weights or the folder of predictions."""
    predictions: str
    """Folder of the scored masks."""
    output: str | None
    run: dict[str, Any] | None
    """How a network computed the masks: see `_run_weights`. None where masks were given."""
    date: str
    """Time of the evaluation, UTC."""
    seconds: float
    versions: dict[str, str]
    """Versions of the libraries that computed the scores."""
    parts: list[Group]
    """Figures with intervals: all sequences, then those of seen and unseen kitchens where that is known."""
    report: ScoreReport

    def to_dict(self) -> dict[str, Any]:
        facts = {**vars(self), "parts": [asdict(part) for part in self.parts], "visorvos": __version__}
        del facts["report"]
        return {**facts, **self.report.to_dict()}


def evaluate(settings: EvaluateSettings, progress: Progress | None = None) -> Evaluation:
    """Scores a split of a data set and writes tables and a page, and masks where a network was run.

    Several processes, started with ``torchrun`` or ``accelerate launch``, share the sequences that a network runs over.

    Raises:
        VisorVosError: for data or predictions that cannot be used.
    """
    processes = find_processes(settings.device)
    progress = progress if progress is not None and processes.is_first else Progress()
    began = time.perf_counter()
    split = open_split(settings.data, settings.split, settings.resolution)
    stem = Path(settings.split).name
    output = settings.output or (Path(f"evaluate-{stem}") if settings.weights else None)
    predictions = settings.predictions or output or Path()
    if split.note:
        progress.say(split.note)
    late = "; objects that enter later count from the frame after their first mask" if split.late_objects else ""
    progress.say(f"Protocol {settings.protocol} scores {COUNTED[settings.protocol]}{late}.")
    if output is not None:
        _keep_apart(output, settings.data)
        make_folder(output)
        if processes.is_first:
            if (output / "report.html").exists():
                progress.say(f"Replacing the report of an earlier evaluation in {output}.")
            write_settings(output, "evaluate", settings.model_dump(mode="json"))
    run = None
    if settings.weights is not None:
        videos = [split.sequence(name) for name in split.sequences]
        note = note_frames_without_mask(videos)
        if note:
            progress.say(note)
        run = _run_weights(settings, settings.weights, videos, predictions, processes, progress)
    report = None
    if processes.is_first:
        report = evaluate_masks(
            split.masks_folder,
            predictions,
            split.sequences,
            settings.protocol,
            split.object_names,
            settings.num_workers,
            progress,
            late_objects=split.late_objects,
        )
    report = processes.broadcast(report)
    for warning in report.warnings:
        progress.say(f"Warning: {warning}")
    result = Evaluation(
        str(settings.data),
        settings.split,
        str(settings.weights or settings.predictions),
        str(predictions),
        None if output is None else str(output),
        run,
        datetime.now(UTC).isoformat(timespec="seconds"),
        time.perf_counter() - began,
        {
            "visorvos": __version__,
            "Python": platform.python_version(),
            "NumPy": np.__version__,
            "OpenCV": cv2.__version__,
            **({} if run is None else {"torch": run["torch"]}),
        },
        parts_of(report, split.unseen),
        report,
    )
    if output is not None and processes.is_first:
        for name, table in _tables(report).items():
            write_file(output / f"{name}_results-{stem}.csv", table)
        write_file(output / f"scores-{stem}.json", json.dumps(result.to_dict(), indent=1))
        progress.say("Writing report.html.")
        page = evaluation_page(
            report,
            result.parts,
            split,
            predictions,
            evaluation=result,
            source=Path(result.source).name,
            counted=COUNTED[settings.protocol],
            settings=yaml_text("evaluate", settings.model_dump(mode="json")),
            version=__version__,
        )
        write_file(output / "report.html", page)
    return result


def _run_weights(
    settings: EvaluateSettings,
    weights: str,
    videos: Sequence[VideoSequence],
    output: Path,
    processes: Processes,
    progress: Progress,
) -> dict[str, Any]:
    """Segments sequences, divided among the processes, and writes their masks, ``OUTPUT/SEQUENCE/FRAME.png``.

    Returns:
        Facts for the record: weights, sha256, device, precision, torch, frames, seconds.

    Raises:
        VisorVosError: for weights or data that cannot be used, naming sequence and frame.
    """
    # Scoring given masks does not need torch, which takes seconds to import.
    import torch

    from visorvos.core.inference.load_network import load_network
    from visorvos.core.inference.segment_split import segment_split
    from visorvos.core.runtime.device import describe_device
    from visorvos.core.weights.load import find_weights

    network = load_network(settings, processes.first_then_others(lambda: find_weights(weights, progress)))
    began = time.perf_counter()
    own = processes.share(videos)
    masks = segment_split(network.stm, own, output, **settings.panel("Memory"))
    for _ in progress.track(masks, "Segmenting", "frames", sum(len(video.frames) for video in own)):
        pass
    processes.wait()
    return {
        "weights": weights,
        "sha256": network.sha256,
        "device": describe_device(network.device) + (f", {processes.count} processes" if processes.count > 1 else ""),
        "precision": str(network.precision).removeprefix("torch."),
        "torch": torch.__version__,
        "frames": sum(len(video.frames) for video in videos),
        "seconds": time.perf_counter() - began,
    }


def _tables(report: ScoreReport) -> dict[str, str]:
    """The CSV tables of the DAVIS evaluation toolkit, to three places: the data set, and one row per object."""
    import pandas as pd  # takes half a second

    columns = ["J&F-Mean", "J-Mean", "J-Recall", "J-Decay", "F-Mean", "F-Recall", "F-Decay"]
    whole = pd.DataFrame([report.measures], columns=columns)
    names = [f"{item.sequence}_{item.object_id}" for item in report.objects]
    objects = pd.DataFrame([item.measures for item in report.objects], columns=columns, index=names)
    objects = objects[["J-Mean", "F-Mean"]]
    return {
        "global": whole.to_csv(index=False, float_format="%.3f", lineterminator="\n"),
        "per-sequence": objects.to_csv(index_label="Sequence", float_format="%.3f", lineterminator="\n"),
    }


def _keep_apart(output: Path, root: Path) -> None:
    """Refuses an output inside the data set's frames or annotations: predicted masks have the same names."""
    written = (real_path(output), *real_path(output).parents)
    for kind in (MASKS, FRAMES):
        if real_path(root / kind) in written:
            raise VisorVosError(
                f"--output must not be inside the {kind} of {root}, got {output}.", "Choose another --output."
            )
