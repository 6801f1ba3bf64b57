"""``visorvos finetune``: stage 2 of training, on annotated videos."""

from __future__ import annotations

from visorvos.core.datasets.affine_warps import AffineRanges
from visorvos.core.datasets.visor_clips import VisorAugmentation, VisorClips
from visorvos.core.files.images import read_frame
from visorvos.core.files.layout import DataSet
from visorvos.core.files.masks import read_labels
from visorvos.core.jobs.progress import Progress
from visorvos.core.jobs.training.run import Stage, Training, train
from visorvos.core.jobs.training.validation import choose_validation
from visorvos.settings.finetune import FinetuneSettings

__all__ = ["finetune", "visor_clips"]


def finetune(settings: FinetuneSettings, progress: Progress | None = None) -> Training:
    """Trains on clips of a data set in DAVIS's shape (Darkhalil et al. 2022, appendix).

    Raises:
        VisorVosError: for data or settings that cannot be used; see `train`.
    """
    data = DataSet(settings.data)
    validation_root = settings.validate_on
    if validation_root is None and data.has_split(settings.validation_split):
        validation_root = settings.data
    validation = choose_validation(settings, validation_root)
    stage = Stage("finetune", detach=True, channels=16)
    return train(settings, stage, visor_clips(settings, data), validation, progress)


def visor_clips(settings: FinetuneSettings, data: DataSet) -> VisorClips:
    """The clips that the settings describe."""
    how = settings.augmentation
    return VisorClips(
        (data.sequence(name) for name in data.sequences(settings.split)),
        read_frame,
        read_labels,
        VisorAugmentation(
            flip=how.flip,
            warps=AffineRanges(how.rotation, how.shear, how.translation, how.scale, how.warp),
            resize=how.resize,
            wander=how.wander,
        ),
        settings.crop_size,
        settings.max_objects,
        settings.short_side,
        settings.seed,
        skips=(0, settings.max_skip),
    )
