"""``visorvos pretrain``: stage 1 of training, on clips made from still images."""

from __future__ import annotations

from functools import partial

from visorvos.core.runtime.progress import Progress
from visorvos.core.training.clips import coco_clips
from visorvos.core.training.learner import Stage
from visorvos.core.training.loop import Training, train
from visorvos.core.training.validation import choose_validation
from visorvos.settings.pretrain import PretrainSettings


def pretrain(settings: PretrainSettings, progress: Progress | None = None) -> Training:
    """Trains on clips made from MS-COCO images (Oh et al. 2019, section 3.5; Darkhalil et al. 2022, appendix).

    Raises:
        VisorVosError: for data or settings that cannot be used; see `train`.
    """
    validation = choose_validation(settings, settings.validate_on)
    stage = Stage("pretrain", detach=False, channels=11)
    return train(settings, stage, partial(coco_clips, settings), validation, progress)
