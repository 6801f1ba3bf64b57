"""Evaluation of a network during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visorvos.core.datasets.davis.layout import Split, VideoSequence, open_split
from visorvos.core.inference.segment_split import segment_split
from visorvos.core.metrics.scoring import evaluate_masks
from visorvos.core.network.stm import STM
from visorvos.core.runtime.processes import Processes
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.core.spread import evenly
from visorvos.settings.training import TrainingSettings


@dataclass(frozen=True)
class Validation:
    """Sequences to evaluate, and how."""

    split: Split
    videos: list[VideoSequence]
    settings: TrainingSettings

    def score(
        self, stm: STM, processes: Processes, progress: Progress, stopped: Sequence[str]
    ) -> dict[str, float] | None:
        """Segments and scores the sequences under the VISOR protocol; several processes share them.

        Returns:
            "j_and_f", "j" and "f" from 0 to 1, or None if the run was asked to stop meanwhile (``stopped`` is not
            empty).

        Raises:
            VisorVosError: for data that cannot be used.
        """
        own, masks_folder = processes.share(self.videos), self.settings.output / "validation"
        masks = segment_split(stm.eval(), own, masks_folder, memory="visor", size=self.settings.short_side)
        for _ in progress.track(masks, "Evaluating", "frames", sum(len(video.frames) for video in own)):
            if stopped:
                return None
        processes.wait()
        scores = None
        if processes.is_first:
            # A few sequences are scored faster than more processes start.
            workers = min(usable_cores(), 1 + len(self.videos) // 50)
            names = [video.name for video in self.videos]
            report = evaluate_masks(
                self.split.masks_folder, masks_folder, names, workers=workers, late_objects=self.split.late_objects
            )
            j, f = report.region_statistics.mean, report.contour_statistics.mean
            scores = {"j_and_f": report.j_and_f, "j": j, "f": f}
        return processes.broadcast(scores)


def choose_validation(settings: TrainingSettings, root: Path | None) -> Validation | None:
    """The validation that the settings ask for, or None.

    Args:
        settings: how many sequences, and how often.
        root: a data set in the DAVIS layout, if any.

    Raises:
        VisorVosError: if the data set lacks the split.
    """
    if root is None or not settings.evaluate_every:
        return None
    split = open_split(root, settings.validation_split)
    names = split.sequences
    count = settings.validation_sequences or len(names)
    names = tuple(names[index] for index in evenly(len(names), count))
    # Report a missing mask now, not after hours of training.
    videos = [split.sequence(name) for name in names]
    return Validation(split, videos, settings)
