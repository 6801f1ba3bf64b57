"""Clips of stage 2 plainly: flip, warps, resize and crop one after another, each resampling the whole image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.affine_warps import draw_steps
from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.coco.cut_out_warp import augmenters
from visorvos.core.datasets.crop import draw_crops, resize, resized
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.datasets.objects import keep_objects
from visorvos.core.datasets.order import generator
from visorvos.core.datasets.visor.clips import draw_frames
from visorvos.core.io.images import read_frame
from visorvos.core.io.masks import read_labels
from visorvos.core.labels import object_ids
from visorvos.settings.finetune import VisorAugmentation

__all__ = ["augment_plainly", "plain_visor_clip"]

Image = NDArray[np.uint8]


def plain_visor_clip(video: VideoSequence, augmentation: VisorAugmentation, seed: int, sample: int, epoch: int) -> Clip:
    """The clip that `VisorClips` makes of a video at 480p in the second half of training, with the recipe's sizes."""
    random = generator(seed, epoch, sample)
    pairs = []
    for number in draw_frames(len(video.frames), 1, random):
        frame = read_frame(video.frames[number])
        pairs.append((frame, read_labels(video.masks[number], *frame.shape[:2])))
    frames, labels = augment_plainly(pairs, augmentation, 384, random)
    return Clip(frames, keep_objects(labels, object_ids(labels[0]), 15, random), video.name)


def augment_plainly(
    pairs: Sequence[tuple[Image, Image]], augmentation: VisorAugmentation, size: int, random: np.random.Generator
) -> tuple[Image, Image]:
    """Frames (3, S, S, 3) and labels (3, S, S) of one clip."""
    if random.random() < augmentation.flip:
        pairs = [(frame[:, ::-1], labels[:, ::-1]) for frame, labels in pairs]
    pairs = [_warped(frame, labels, augmentation, random) for frame, labels in pairs]
    height, width = resized(*pairs[0][1].shape, random.uniform(*augmentation.resize), size)
    pairs = [resize(np.ascontiguousarray(f), np.ascontiguousarray(labels), height, width) for f, labels in pairs]
    crops = draw_crops([labels for _, labels in pairs], size, augmentation.crop_jitter, random)
    frames = [frame[crop] for (frame, _), crop in zip(pairs, crops, strict=True)]
    return np.stack(frames), np.stack([labels[crop] for (_, labels), crop in zip(pairs, crops, strict=True)])


def _warped(
    frame: Image, labels: Image, augmentation: VisorAugmentation, random: np.random.Generator
) -> tuple[Image, Image]:
    steps = draw_steps(
        random,
        rotation=augmentation.rotation,
        shear=augmentation.shear,
        scale=augmentation.scale,
        translation=augmentation.translation,
        probability=augmentation.warp,
    )
    for step in steps:
        frame = augmenters.Affine(**step, order=1, cval=0, backend="cv2")(image=np.ascontiguousarray(frame))
        labels = augmenters.Affine(**step, order=0, cval=0, backend="cv2")(image=np.ascontiguousarray(labels))
    return frame, labels
