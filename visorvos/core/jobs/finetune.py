"""``visorvos finetune``: stage 2 of training, on annotated videos."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.datasets.davis.layout import find_splits
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.clips import visor_clips
from visorvos.core.training.learner import Stage
from visorvos.core.training.loop import Training, train
from visorvos.core.training.validation import choose_validation
from visorvos.settings.finetune import FinetuneSettings


def finetune(settings: FinetuneSettings, progress: Progress | None = None) -> Training:
    """Trains on clips of data sets in the DAVIS layout (Darkhalil et al. 2022, appendix).

    Raises:
        VisorVosError: for data or settings that cannot be used; see `train`.
    """
    root = settings.validate_on
    if root is None:
        roots = (root for root, _ in settings.data_sets)
        root = next((root for root in roots if _has_split(root, settings.validation_split)), None)
    validation = choose_validation(settings, root)
    stage = Stage("finetune", detach=True, channels=16)
    return train(settings, stage, lambda progress: visor_clips(settings, progress), validation, progress)


def _has_split(root: Path, split: str) -> bool:
    return any(name == split or name.endswith(f"/{split}") for name in find_splits(root))
