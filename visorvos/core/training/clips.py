"""From options to sources of clips."""

from __future__ import annotations

from visorvos.core.datasets.coco.clips import CocoClips
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.davis.layout import note_frames_without_mask, open_split
from visorvos.core.datasets.visor.clips import VisorClips
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_labels
from visorvos.core.runtime.progress import Progress
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings

__all__ = ["coco_clips", "visor_clips"]


def coco_clips(settings: PretrainSettings, progress: Progress) -> CocoClips:
    """The clips of stage 1.

    Raises:
        VisorVosError: when images or annotations are missing or broken.
    """
    index = open_coco(settings.coco, settings.split, progress)
    options = (settings.crop_size, settings.max_objects, settings.short_side, settings.seed)
    return CocoClips(index, index.read_frame, settings.augmentation, *options)


def visor_clips(settings: FinetuneSettings, progress: Progress | None = None) -> VisorClips:
    """The clips of stage 2.

    Raises:
        VisorVosError: when frames or masks are missing.
    """
    split = open_split(settings.data, settings.split, settings.resolution)
    videos = [split.sequence(name) for name in split.sequences]
    for note in (split.note, note_frames_without_mask(videos)):
        if note and progress is not None:
            progress.say(note)
    options = (settings.crop_size, settings.max_objects, settings.short_side, settings.seed)
    skips = (0, settings.max_skip)
    return VisorClips(
        (video.annotated for video in videos), read_frame, read_labels, settings.augmentation, *options, skips=skips
    )
