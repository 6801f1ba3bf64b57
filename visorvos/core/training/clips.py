"""From options to sources of clips."""

from __future__ import annotations

from collections.abc import Iterable

from visorvos.core.datasets.affine_warps import AffineRanges
from visorvos.core.datasets.coco import clips as coco
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.davis.layout import DataSet
from visorvos.core.datasets.visor import clips as visor
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_labels
from visorvos.core.runtime.progress import Progress
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings

__all__ = ["coco_clips", "visor_clips"]


def coco_clips(settings: PretrainSettings, progress: Progress) -> coco.CocoClips:
    """The clips of stage 1.

    Raises:
        VisorVosError: where the images or their annotations are missing or broken.
    """

    def track(chunks: Iterable[bytes], total: int) -> Iterable[bytes]:
        return progress.track(chunks, "Indexing the annotations, once", "MiB", total)

    index = open_coco(settings.coco, settings.split, track)
    how = settings.augmentation
    return coco.CocoClips(
        index,
        index.read_frame,
        coco.CocoAugmentation(
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


def visor_clips(settings: FinetuneSettings) -> visor.VisorClips:
    """The clips of stage 2.

    Raises:
        VisorVosError: where frames or masks are missing.
    """
    data = DataSet(settings.data)
    how = settings.augmentation
    return visor.VisorClips(
        (data.sequence(name) for name in data.sequences(settings.split)),
        read_frame,
        read_labels,
        visor.VisorAugmentation(
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
