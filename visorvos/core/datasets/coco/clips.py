"""Clips of stage 1: three frames made of one image, its objects, and objects of other images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.coco.copy_paste import cut_out, draw_patch, mark, paste
from visorvos.core.datasets.coco.cut_out_warp import warp_cut_out
from visorvos.core.datasets.coco.homography import crop_thrice
from visorvos.core.datasets.crop import resize, resized
from visorvos.core.datasets.objects import keep_objects
from visorvos.core.datasets.order import generator
from visorvos.errors import VisorVosError
from visorvos.settings.pretrain import CocoAugmentation

__all__ = ["CocoClips", "Instances"]

Image = NDArray[np.uint8]

_MOST_IDS = 255


class Instances(Protocol):
    """Images, and the objects outlined in them, numbered image by image."""

    @property
    def instance_starts(self) -> NDArray[np.int64]:
        """(images + 1): of each image its first object, and their number."""
        ...

    @property
    def box_areas(self) -> NDArray[np.float64]:
        """(objects): width times height of each one's box, in pixels."""
        ...

    def __len__(self) -> int:
        """The number of images."""
        ...

    def name(self, image: int) -> str:
        """An image's name."""
        ...

    def polygons(self, instance: int) -> list[NDArray[np.int32]]:
        """An object's polygons, at least one: int32 (P, 2) of x, y each."""
        ...

    def describe(self) -> str:
        """A short text that differs where images or objects do."""
        ...


class CocoClips:
    """Clips made of single images, one sample an image (see `Clips`).

    Objects are drawn in their order, later over earlier; those of other images come last, at the size they have there.

    Args:
        instances: the images and their objects.
        read_frame: reads an image by number: uint8 (H, W, 3) RGB.
        augmentation: how clips are made of them.
        crop_size: height and width of a clip.
        max_objects: objects of a clip, at most; of more, some by chance.
        short_side: what the short side of images is brought to first.
        seed: of all that is random.

    Raises:
        VisorVosError: where the crop is larger than the images, or no object is large enough to lay upon others.
    """

    def __init__(
        self,
        instances: Instances,
        read_frame: Callable[[int], Image],
        augmentation: CocoAugmentation,
        crop_size: int,
        max_objects: int,
        short_side: int,
        seed: int,
    ) -> None:
        if crop_size > short_side:
            raise VisorVosError(
                f"A crop of {crop_size} pixels does not fit into images whose short side is {short_side}.",
                "Make the crop smaller or the short side longer.",
            )
        self.instances = instances
        self.read_frame = read_frame
        self.augmentation = augmentation
        self.crop_size = crop_size
        self.max_objects = max_objects
        self.short_side = short_side
        self.seed = seed
        self._large = np.flatnonzero(instances.box_areas >= augmentation.min_pasted_box)
        """The objects that may be laid upon other images."""
        if not len(self._large):
            raise VisorVosError(
                f"No object has a box of {augmentation.min_pasted_box:g} pixels: there is none to lay upon images.",
                "Lower the least size of such objects.",
            )

    def __len__(self) -> int:
        return len(self.instances)

    def describe(self) -> str:
        """That of the images and objects."""
        return self.instances.describe()

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """Three frames made of one image; how far training is makes no difference.

        Raises:
            VisorVosError: where an image cannot be read.
        """
        random = generator(self.seed, epoch, sample)
        how = self.augmentation
        is_pasting = random.random() < how.pasting
        frame = self.read_frame(sample)
        own = self._own(sample, *frame.shape[:2])
        is_pasting = is_pasting or not own
        # No object beyond that could have an id; with so many, chance decides in any case which ones are kept.
        most = how.max_own if is_pasting else _MOST_IDS
        if len(own) > most:
            own = [own[number] for number in np.sort(random.choice(len(own), most, replace=False))]
        labels = np.zeros(frame.shape[:2], np.uint8)
        for index, patch in enumerate(own, start=1):
            mark(labels, patch, index)
        frames, masks = self._moved(frame, labels, random)
        if is_pasting:
            count = int(random.integers(*how.pasted, endpoint=True))
            for index in range(len(own) + 1, len(own) + 1 + count):
                self._paste(frames, masks, index, random)
        pixels = np.bincount(masks[0].ravel())
        visible = [index for index in range(1, len(pixels)) if pixels[index] > how.min_visible]
        return Clip(frames, keep_objects(masks, visible, self.max_objects, random), self.instances.name(sample))

    def _own(self, image: int, height: int, width: int) -> list[tuple[Image, int, int]]:
        """Masks of the image's objects that are large enough, in their order."""
        start, end = self.instances.instance_starts[image : image + 2].tolist()
        patches = (draw_patch(self.instances.polygons(instance), height, width) for instance in range(start, end))
        return [patch for patch in patches if np.count_nonzero(patch[0]) >= self.augmentation.min_own]

    def _moved(self, frame: Image, labels: Image, random: np.random.Generator) -> tuple[Image, Image]:
        """Frames (3, S, S, 3) and labels (3, S, S) of an image and its own objects."""
        height, width = labels.shape
        frame, labels = resize(frame, labels, *resized(height, width, self.short_side / min(height, width)))
        if random.random() < self.augmentation.flip:
            frame, labels = (np.asarray(cv2.flip(image, 1), np.uint8) for image in (frame, labels))
        return crop_thrice(frame, labels, self.augmentation.corner_shift, self.crop_size, random)

    def _paste(self, frames: Image, masks: Image, index: int, random: np.random.Generator) -> None:
        """Lays an object of any image upon all frames, as the id ``index``."""
        how = self.augmentation
        instance = int(random.choice(self._large))
        image = int(np.searchsorted(self.instances.instance_starts, instance, side="right")) - 1
        frame = self.read_frame(image)
        patch = draw_patch(self.instances.polygons(instance), *frame.shape[:2])
        if not patch[0].any():
            return
        square = cut_out(frame, patch)
        center = random.integers(0, self.crop_size, 2)
        for number in range(len(frames)):
            if number:
                square = warp_cut_out(square, how, random)
                center = np.minimum(center + random.integers(0, how.drift, endpoint=True), self.crop_size - 1)
            paste(frames[number], masks[number], square, index, (int(center[0]), int(center[1])))
