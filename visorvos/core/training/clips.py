"""From options to sources of clips."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.coco.clips import CocoClips
from visorvos.core.datasets.coco.index import open_coco
from visorvos.core.datasets.davis.layout import note_frames_without_mask, open_split
from visorvos.core.datasets.mixture import MixedClips
from visorvos.core.datasets.visor.clips import VisorClips
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_labels
from visorvos.core.runtime.progress import Progress
from visorvos.errors import listed
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings


def coco_clips(settings: PretrainSettings, progress: Progress) -> CocoClips:
    """The clips of stage 1.

    Raises:
        VisorVosError: when images or annotations are missing or broken.
    """
    index = open_coco(settings.coco, settings.split, progress)
    options = (settings.crop_size, settings.max_objects, settings.short_side, settings.seed)
    return CocoClips(index, settings.augmentation, *options)


def visor_clips(settings: FinetuneSettings, progress: Progress) -> Clips:
    """The clips of stage 2: of one data set, or of several in the proportions of their weights.

    Raises:
        VisorVosError: when frames or masks are missing, or no sequence is long enough.
    """
    sources = [_clips_of(settings, root, index, progress) for index, (root, _) in enumerate(settings.data_sets)]
    if len(sources) == 1:
        return sources[0]
    return MixedClips(sources, [weight for _, weight in settings.data_sets], settings.seed)


def _clips_of(settings: FinetuneSettings, root: Path, index: int, progress: Progress) -> VisorClips:
    split = open_split(root, settings.split, settings.resolution)
    videos = [split.sequence(name) for name in split.sequences]
    for note in filter(None, (split.note, note_frames_without_mask(videos))):
        progress.say(note if str(root) in note else f"{root}: {note}")
    # Each data set has random numbers of its own; those of the first are the same with and without others.
    seed = settings.seed + (index << 64)
    options = (settings.crop_size, settings.max_objects, settings.short_side, seed)
    annotated = (video.annotated for video in videos)
    clips = VisorClips(annotated, read_frame, read_labels, settings.augmentation, *options, skips=settings.max_skip)
    if clips.too_short:
        count, names = len(clips.too_short), listed(clips.too_short, 3)
        progress.say(f"{root}: sequences with fewer than 3 annotated frames are not trained on ({count}): {names}.")
    return clips
