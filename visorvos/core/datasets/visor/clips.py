"""Clips of stage 2: three frames of an annotated video, forward in time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import InitVar, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from visorvos.core.datasets.affine_warps import compose, draw_steps, matrix_of, view
from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.crop import Image, draw_crops, resize, resized
from visorvos.core.datasets.davis.layout import VideoSequence
from visorvos.core.datasets.objects import keep_objects
from visorvos.core.datasets.order import generator
from visorvos.core.labels import object_ids
from visorvos.errors import VisorVosError, listed
from visorvos.settings.finetune import VisorAugmentation

_FRAMES = 3


@dataclass
class VisorClips:
    """Clips of annotated videos, one sample per video (see `Clips`).

    Raises:
        VisorVosError: if no video has three frames.
    """

    videos: InitVar[Iterable[VideoSequence]]
    """Annotated videos. Those with fewer than three frames are left out: see `too_short`."""
    read_frame: Callable[[Path], Image]
    """Reads a frame: uint8 (H, W, 3) RGB."""
    read_labels: Callable[[Path, int, int], Image]
    """Reads a mask, given its path and the height and width of its frame: uint8 (H, W) ids."""
    augmentation: VisorAugmentation
    crop_size: int
    """Height and width of a clip."""
    max_objects: int
    """Maximum number of objects of a clip; if there are more, a random choice of them."""
    short_side: int | None
    """Short side in pixels to which frames are resized first; None keeps their size."""
    seed: int
    skips: tuple[int, ...] = (0, 1)
    """Maximum number of frames skipped between two frames of a clip, for each of equal parts of training."""

    def __post_init__(self, videos: Iterable[VideoSequence]) -> None:
        given = list(videos)
        self.too_short = [video.name for video in given if len(video.frames) < _FRAMES]
        self._videos = [video for video in given if len(video.frames) >= _FRAMES]
        if not self._videos:
            raise VisorVosError(
                f"No sequence is long enough to train on: a clip needs {_FRAMES} annotated frames, "
                f"{listed(self.too_short, 1)} has fewer.",
                "Choose another --split or --data.",
            )

    def __len__(self) -> int:
        return len(self._videos)

    def describe(self) -> str:
        """The numbers of videos and frames, and a checksum of their names."""
        names = [(video.name, [path.stem for path in video.frames]) for video in self._videos]
        digest = hashlib.sha256(repr(names).encode()).hexdigest()[:16]
        return f"{len(names)} videos, {sum(len(frames) for _, frames in names)} frames, {digest}"

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """Three frames of a video, augmented alike except for their warps.

        The objects are those visible in the first frame; there may be none.

        Raises:
            VisorVosError: when a file cannot be read, or frames of the video differ in size.
        """
        random = generator(self.seed, epoch, sample)
        video = self._videos[sample]
        paths = list(zip(video.frames, video.masks, strict=True))
        skip = self.skips[int(progress * len(self.skips))]
        chosen = [paths[number] for number in draw_frames(len(paths), skip, random)]
        name = f"{video.name} frames {', '.join(frame.stem for frame, _ in chosen)}"
        pairs = [self._read(frame, mask) for frame, mask in chosen]
        sizes = {f"{frame.shape[1]}x{frame.shape[0]}" for frame, _ in pairs}
        if len(sizes) > 1:
            raise VisorVosError(
                f"The frames of {name} differ in size: {', '.join(sorted(sizes))}.",
                f"Resize all frames in {chosen[0][0].parent} to one size.",
            )
        frames, labels = self._augmented(pairs, random)
        return Clip(frames, keep_objects(labels, object_ids(labels[0]), self.max_objects, random), name)

    def _read(self, frame_path: Path, mask_path: Path) -> tuple[Image, Image]:
        frame = self.read_frame(frame_path)
        height, width = frame.shape[:2]
        labels = self.read_labels(mask_path, height, width)
        if self.short_side is None:
            return frame, labels
        return resize(frame, labels, *resized(height, width, self.short_side / min(height, width)))

    def _augmented(self, pairs: list[tuple[Image, Image]], random: np.random.Generator) -> tuple[Image, Image]:
        """Frames (3, S, S, 3) and labels (3, S, S) of one clip.

        Flip, warps, resize and crop of a frame are one matrix, so that it is resampled once. The crop depends on the
        masks of all frames, so that these are warped whole first.
        """
        how = self.augmentation
        height, width = pairs[0][1].shape
        flip = np.diag((-1.0, 1, 1)) if random.random() < how.flip else np.eye(3)
        flip[0, 2] = (width - 1) * (flip[0, 0] < 0)
        draw = partial(draw_steps, random, rotation=how.rotation, shear=how.shear, scale=how.scale)
        drawn = [draw(translation=how.translation, probability=how.warp) for _ in pairs]
        new_height, new_width = resized(height, width, random.uniform(*how.resize), self.crop_size)
        y, x = new_height / height, new_width / width
        # Whole numbers are centers of pixels.
        resize_matrix = np.array(((x, 0, x / 2 - 0.5), (0, y, y / 2 - 0.5), (0, 0, 1)))
        chains = []
        for steps in drawn:
            whole, *later = compose([matrix_of(step, height, width) for step in steps])
            chains.append([resize_matrix @ whole @ flip, *(resize_matrix @ matrix for matrix in later)])
        masks = [
            view(labels, chain, (new_width, new_height), cv2.INTER_NEAREST)
            for (_, labels), chain in zip(pairs, chains, strict=True)
        ]
        crops = draw_crops(masks, self.crop_size, how.crop_jitter, random)
        frames = []
        for (frame, _), chain, (rows, columns) in zip(pairs, chains, crops, strict=True):
            to_crop = np.array(((1, 0, -columns.start), (0, 1, -rows.start), (0, 0, 1)))
            matrices = [to_crop @ matrix for matrix in chain]
            # OpenCV resamples four channels faster than three, to the same values.
            rgba = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2RGBA), np.uint8)
            rgba = view(rgba, matrices, (self.crop_size, self.crop_size), cv2.INTER_LINEAR)
            frames.append(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB))
        return np.stack(frames), np.stack([mask[crop] for mask, crop in zip(masks, crops, strict=True)])


def draw_frames(count: int, skip: int, random: np.random.Generator) -> tuple[int, int, int]:
    """Draws the numbers of a clip's frames, in order.

    Each is drawn uniformly from those that leave room for the ones after it.

    Args:
        count: frames in the video, 3 or more.
        skip: maximum number of frames skipped between two of them.
        random: source of all random numbers.
    """
    first = int(random.integers(0, count - 3, endpoint=True))
    second = int(random.integers(first + 1, min(first + 1 + skip, count - 2), endpoint=True))
    third = int(random.integers(second + 1, min(second + 1 + skip, count - 1), endpoint=True))
    return first, second, third
