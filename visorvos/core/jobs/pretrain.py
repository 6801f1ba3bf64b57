"""``visorvos pretrain``: stage 1 of training, on clips made of still images."""

from __future__ import annotations

from collections.abc import Iterable

from visorvos.core.datasets.affine_warps import AffineRanges
from visorvos.core.datasets.coco_clips import CocoAugmentation, CocoClips
from visorvos.core.files.coco_index import CocoIndex, open_coco
from visorvos.core.jobs.progress import Progress, Silent
from visorvos.core.jobs.training.run import Stage, Training, train
from visorvos.core.jobs.training.validation import choose_validation
from visorvos.settings.pretrain import PretrainSettings

__all__ = ["coco_clips", "pretrain"]


def pretrain(settings: PretrainSettings, progress: Progress | None = None) -> Training:
    """Trains on clips made of MS-COCO's images (Oh et al. 2019, section 3.5; Darkhalil et al. 2022, appendix).

    Raises:
        VisorVosError: for data or settings that cannot be used; see `train`.
    """
    listener = progress or Silent()

    def track(chunks: Iterable[bytes], total: int) -> Iterable[bytes]:
        return listener.track(chunks, "Indexing the annotations, once", "MiB", total)

    index = open_coco(settings.coco, settings.split, track)
    validation = choose_validation(settings, settings.validate_on)
    stage = Stage("pretrain", detach=False, channels=11)
    return train(settings, stage, coco_clips(settings, index), validation, progress)


def coco_clips(settings: PretrainSettings, index: CocoIndex) -> CocoClips:
    """The clips that the settings describe."""
    how = settings.augmentation
    return CocoClips(
        index,
        index.read_frame,
        CocoAugmentation(
            flip=how.flip,
            corner_shift=how.corner_shift,
            pasting=how.pasting,
            least_own=how.least_own,
            most_own=how.most_own,
            pasted=how.pasted,
            least_pasted_box=how.least_pasted_box,
            drift=how.drift,
            warps=AffineRanges(how.rotation, how.shear, translation=0, scale=how.scale, probability=1),
            least_visible=how.least_visible,
        ),
        settings.crop_size,
        settings.max_objects,
        settings.short_side,
        settings.seed,
    )
