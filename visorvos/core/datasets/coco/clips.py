"""Clips of stage 1: three frames made from one image, its objects, and objects pasted from other images."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from visorvos.core.datasets.clip import Clip
from visorvos.core.datasets.coco.copy_paste import cut_out, draw_patch, mark, paste
from visorvos.core.datasets.coco.cut_out_warp import warp_cut_out
from visorvos.core.datasets.coco.homography import crop_thrice
from visorvos.core.datasets.coco.index import CocoIndex
from visorvos.core.datasets.crop import Image, resize, resized
from visorvos.core.datasets.objects import keep_objects
from visorvos.core.datasets.order import generator
from visorvos.errors import VisorVosError
from visorvos.settings.pretrain import CocoAugmentation


@dataclass
class CocoClips:
    """Clips made from single images, one sample per image (see `Clips`).

    Objects are drawn in the order of the annotations, later over earlier. Pasted ones come last, in their own size.

    Raises:
        VisorVosError: when the crop is larger than the images, or no object is large enough to be pasted.
    """

    instances: CocoIndex
    augmentation: CocoAugmentation
    crop_size: int
    """Height and width of a clip."""
    max_objects: int
    """Maximum number of objects of a clip; if there are more, a random choice of them."""
    short_side: int
    """Short side in pixels to which images are resized first."""
    seed: int

    def __post_init__(self) -> None:
        if self.crop_size > self.short_side:
            raise VisorVosError(
                f"The crop size must be at most the short side of the images, {self.short_side}, got {self.crop_size}.",
                "Decrease crop_size or increase short_side.",
            )
        min_box = self.augmentation.min_pasted_box
        self._large = np.flatnonzero(self.instances.box_areas >= min_box)
        """Objects that may be pasted on other images."""
        if not len(self._large):
            raise VisorVosError(
                f"No object has a box of {min_box:g} pixels, so there is none to paste.",
                "Decrease augmentation.min_pasted_box.",
            )

    def __len__(self) -> int:
        return len(self.instances)

    def describe(self) -> str:
        """A short text that changes with the images and objects."""
        return self.instances.describe()

    def clip(self, sample: int, epoch: int, progress: float) -> Clip:
        """Three frames made from one image; they do not depend on the progress of training.

        Raises:
            VisorVosError: when an image cannot be read.
        """
        random = generator(self.seed, epoch, sample)
        how = self.augmentation
        is_pasting = random.random() < how.pasting
        frame = self.instances.read_frame(sample)
        own = self._own(sample, *frame.shape[:2])
        is_pasting = is_pasting or not own
        # Ids end at 255. With that many objects, the ones that are kept are a random choice in any case.
        max_own = how.max_own if is_pasting else 255
        if len(own) > max_own:
            own = [own[number] for number in np.sort(random.choice(len(own), max_own, replace=False))]
        labels = np.zeros(frame.shape[:2], np.uint8)
        for object_id, patch in enumerate(own, start=1):
            mark(labels, patch, object_id)
        frames, masks = self._moved(frame, labels, random)
        if is_pasting:
            count = int(random.integers(*how.pasted, endpoint=True))
            for object_id in range(len(own) + 1, len(own) + 1 + count):
                self._paste(frames, masks, object_id, random)
        pixels = np.bincount(masks[0].ravel())
        visible = [object_id for object_id in range(1, len(pixels)) if pixels[object_id] > how.min_visible]
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

    def _paste(self, frames: Image, masks: Image, object_id: int, random: np.random.Generator) -> None:
        """Pastes a random object of any image on all frames."""
        how = self.augmentation
        instance = int(random.choice(self._large))
        image = int(np.searchsorted(self.instances.instance_starts, instance, side="right")) - 1
        frame = self.instances.read_frame(image)
        patch = draw_patch(self.instances.polygons(instance), *frame.shape[:2])
        if not patch[0].any():
            return
        square = cut_out(frame, patch)
        center = random.integers(0, self.crop_size, 2)
        for number in range(len(frames)):
            if number:
                square = warp_cut_out(square, how, random)
                center = np.minimum(center + random.integers(0, how.drift, endpoint=True), self.crop_size - 1)
            paste(frames[number], masks[number], square, object_id, (int(center[0]), int(center[1])))
