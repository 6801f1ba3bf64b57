"""J&F of a network in training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from visorvos.core.datasets.davis.layout import VideoSequence, open_split
from visorvos.core.inference.segment_split import segment_split
from visorvos.core.metrics.scoring import evaluate_masks
from visorvos.core.network.stm import STM
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.core.spread import evenly
from visorvos.core.training.history import Scores
from visorvos.core.training.interruption import StopSignal
from visorvos.settings.training import TrainingSettings

__all__ = ["Validation", "choose_validation"]


@dataclass(frozen=True)
class Validation:
    """Sequences to evaluate, and how."""

    truth: Path
    """The annotated masks."""
    videos: list[VideoSequence]
    size: int
    """Short side at which frames are segmented."""
    masks: Path
    """Where the masks of the last evaluation stay."""

    def score(self, stm: STM, accelerator: Accelerator, progress: Progress, interruption: StopSignal) -> Scores | None:
        """Segments and scores the sequences under the VISOR protocol; several processes share them.

        Returns:
            The scores, or None where the run was asked to stop meanwhile.

        Raises:
            VisorVosError: for data that cannot be used.
        """
        own = self.videos[accelerator.process_index :: accelerator.num_processes]
        masks = segment_split(stm.eval(), own, self.masks, self.size)
        for _ in progress.track(masks, "Evaluating", "frames", sum(len(video.frames) for video in own)):
            if interruption.asked:
                return None
        accelerator.wait_for_everyone()
        found: list[Scores | None] = [None]
        if accelerator.is_main_process:
            # Few sequences are scored sooner than further processes start.
            workers = min(usable_cores(), 1 + len(self.videos) // 50)
            names = [video.name for video in self.videos]
            late = any(video.late_objects for video in self.videos)
            report = evaluate_masks(self.truth, self.masks, names, workers=workers, late_objects=late)
            found = [Scores(report.j_and_f, report.region_statistics.mean, report.contour_statistics.mean)]
        scores: Scores = broadcast_object_list(found)[0]
        return scores


def choose_validation(settings: TrainingSettings, root: Path | None) -> Validation | None:
    """The validation that the settings ask for, or None where they ask for none.

    Args:
        settings: how much and how often.
        root: the data set in DAVIS's shape; None where there is none.

    Raises:
        VisorVosError: where the data set lacks the split.
    """
    if root is None or not settings.evaluate_every:
        return None
    split = open_split(root, settings.validation_split)
    names = split.sequences
    count = settings.validation_sequences or len(names)
    names = tuple(names[index] for index in evenly(len(names), count))
    # A missing mask is told of now, not after hours.
    videos = [split.sequence(name) for name in names]
    return Validation(split.masks_folder, videos, settings.short_side, settings.output / "validation")
