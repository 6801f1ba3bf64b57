"""Propagation of masks through one video, frame by frame."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from visorvos.core.inference.memory_bank import MemoryBank
from visorvos.core.inference.planes import frame_tensor, known_planes, mask_tensor, resize_frame, resize_mask
from visorvos.core.inference.policy import MemoryPolicy, choose_policy
from visorvos.core.labels import object_ids
from visorvos.core.network.stm import STM
from visorvos.errors import VisorVosError

__all__ = ["Segmenter", "segment_video"]

Frame = NDArray[np.uint8]
Labels = NDArray[np.uint8]


def segment_video(
    stm: STM,
    frames: Iterable[Frame],
    first_mask: Labels,
    memory: Literal["every", "visor"] = "every",
    every: int = 5,
    limit: int = 8,
    masks: Mapping[int, Labels] | None = None,
    objects: Collection[int] | None = None,
    size: int = -1,
    complete: bool = False,
) -> Iterator[Labels]:
    """Finds the objects of the first frame's mask in every frame; each frame is read when its mask is due.

    The previous frame is always in memory, with its soft prediction, and beside it those that ``memory`` names.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        frames: uint8 (H, W, 3) RGB, all of one size. With ``memory="visor"`` it has a length.
        first_mask: uint8 (H, W), object ids 1..255, 0 the background.
        memory: "every": every k-th frame, at most ``limit`` of them (an object's first frame, the newest, and an
            even spread between), and up to 16 more frames with a given mask, which are dropped last. "visor": the
            frames of the evaluation protocol.
        every: k.
        limit: maximum frames in memory beside the previous one and those with a given mask.
        masks: masks of later frames by frame number. An object that such a mask shows is where the mask says;
            the others are searched for outside it, unless masks are ``complete``. New ids are objects from that
            frame on. Numbers past the last frame are ignored.
        objects: ids to track from the first frame on beside those of ``first_mask``, even if not shown there.
        size: short side in pixels at which frames are segmented, -1: their own. The logits are resized back.
        complete: objects that a mask of a later frame does not show are absent from that frame.

    Returns:
        A generator of uint8 (H, W) masks with the ids as given, one per frame, the first as it was given.

    Raises:
        VisorVosError: for a network in training mode; for frames or masks of the wrong form, at the frame in question.
    """
    later = masks or {}
    tracked = None if objects is None else [int(object_id) for object_id in objects]
    if any(not 1 <= object_id <= 255 for object_id in tracked or ()):
        raise VisorVosError(f"objects must be ids from 1 to 255, got {tracked}.", "0 is the background.")
    if not (tracked or later or first_mask.any()):
        raise VisorVosError("The first mask shows no object.", "Mark each object with an id from 1 to 255.")
    if 0 in later:
        raise VisorVosError("The mask of frame 0 is given twice.", "Pass it as first_mask only.")
    length = len(frames) if isinstance(frames, Sized) else None
    segmenter = Segmenter(stm, choose_policy(memory, every, limit, length), size)

    def masks_in_order() -> Iterator[Labels]:
        for number, frame in enumerate(frames):
            if number == 0:
                yield segmenter.step(frame, first_mask, tracked)
            else:
                yield segmenter.step(frame, later.get(number), complete=complete)

    return masks_in_order()


@dataclass(frozen=True)
class _Pending:
    """The newest frame before it is memorized: the last frame of a video never needs to be."""

    number: int
    image: Tensor
    planes: Tensor
    keep: bool
    given: bool


class Segmenter:
    """The state of one video: `step` takes the next frame and returns its mask.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        policy: which frames to remember.
        size: short side in pixels at which frames are segmented, -1: their own.

    Raises:
        VisorVosError: for a network in training mode, or a size below 1 other than -1.
    """

    def __init__(self, stm: STM, policy: MemoryPolicy, size: int = -1) -> None:
        if size != -1 and size < 1:
            raise VisorVosError(f"size must be a short side in pixels, 1 or more, or -1, got {size}.", "Pass size=-1.")
        if stm.training:
            raise VisorVosError("The network is in training mode: its batch norms would change.", "Call stm.eval().")
        self.stm = stm
        self.policy = policy
        self.size = size
        self.object_ids: list[int] = []
        """The user's id of each of the network's planes."""
        self.frames_seen = 0
        """The number of the next frame."""
        self.frames_searched = 0
        """The number of frames in which the network searched for objects."""
        self._bank = MemoryBank(policy)
        self._pending: _Pending | None = None
        self._shape: tuple[int, ...] | None = None
        self._device = next(stm.parameters()).device

    @torch.inference_mode()
    def step(
        self,
        frame: Frame,
        mask: Labels | None = None,
        objects: Collection[int] | None = None,
        complete: bool = False,
        number: int | None = None,
    ) -> Labels:
        """Segments the next frame.

        Args:
            frame: uint8 (H, W, 3) RGB.
            mask: uint8 (H, W), what is known of this frame.
            objects: with a mask: ids to track from here on beside those that it shows.
            complete: objects tracked so far that the mask does not show are absent from this frame.
            number: the frame's number, by default that of the last frame plus 1.

        Returns:
            uint8 (H, W): the frame's mask. Pixels that the given mask labels are as given.
        """
        number = self.frames_seen if number is None else number
        self._check(number, frame, mask)
        self._memorize_pending()
        image = resize_frame(frame_tensor(frame, self._device), self.size)

        known = set() if mask is None else {*object_ids(mask), *(objects or ()), *(self.object_ids if complete else ())}
        searched = [object_id for object_id in self.object_ids if object_id not in known]
        logits = self._find(image, searched)
        labels = self._labels(logits, searched, frame.shape[:2])
        if mask is not None:
            labels = np.where(mask > 0, mask, labels)

        self._track(known)
        if self.object_ids:
            planes = torch.softmax(logits, dim=1)[:, 1:]
            if mask is not None:
                given = resize_mask(mask_tensor(mask, self._device), image.shape[-2:])
                planes = known_planes(planes, searched, given, self.object_ids)
            keep = self.policy.adds(number, given=mask is not None)
            self._pending = _Pending(number, image, planes, keep, mask is not None)
        self.frames_seen = number + 1
        return labels

    @torch.inference_mode()
    def remember(self, number: int, frame: Frame, mask: Labels, keep: bool, given: bool) -> None:
        """Adds a frame whose mask is known to the memory, whatever the policy says; frames may come in any order.

        Args:
            number: the frame's number.
            frame: uint8 (H, W, 3) RGB.
            mask: uint8 (H, W), complete; ids that it shows are tracked from here on.
            keep: whether the frame stays in memory when the next one comes.
            given: whether the mask was given, not predicted.
        """
        self._check(number, frame, mask)
        self._memorize_pending()
        image = resize_frame(frame_tensor(frame, self._device), self.size)
        self._track(object_ids(mask))
        if self.object_ids:
            known = resize_mask(mask_tensor(mask, self._device), image.shape[-2:])
            planes = known_planes(image.new_empty((1, 0)), (), known, self.object_ids)
            self._pending = _Pending(number, image, planes, keep, given)

    def _track(self, ids: Collection[int]) -> None:
        self.object_ids += sorted(set(ids) - set(self.object_ids))

    @torch.inference_mode()
    def state(self) -> dict[str, Tensor]:
        """Tensors by name, with which `restore` continues as if there had been no interruption."""
        self._memorize_pending()
        return {**self._bank.state(), **self.position()}

    def position(self) -> dict[str, Tensor]:
        """The part of `state` that says how many frames are done: enough once the video is finished."""
        return {
            "frames_seen": torch.tensor([self.frames_seen, *(self._shape or ())]),
            "object_ids": torch.tensor(self.object_ids),
        }

    @torch.inference_mode()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continues from the state of another segmenter with the same network, policy and size."""
        self.frames_seen, *shape = (int(value) for value in state["frames_seen"])
        self._shape = tuple(shape) or None
        self.object_ids = [int(value) for value in state["object_ids"]]
        self._bank = MemoryBank.restore(state, self.policy, self._device)
        self._pending = None

    def _check(self, number: int, frame: Frame, mask: Labels | None) -> None:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise VisorVosError(
                f"Frame {number} must be uint8 (height, width, 3), RGB, got {frame.dtype} {frame.shape}.",
                "Convert it, for example with PIL's convert('RGB').",
            )
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise VisorVosError(
                f"Frame {number} is {_size(frame.shape)}, the first was {_size(self._shape)}.",
                "Resize the frames: all frames of a video must have one size.",
            )
        if mask is not None and (mask.dtype != np.uint8 or mask.shape != frame.shape[:2]):
            raise VisorVosError(
                f"The mask of frame {number} must be uint8 {frame.shape[:2]}, got {mask.dtype} {mask.shape}.",
                "Give masks as uint8 (height, width), of the frame's size.",
            )

    def _memorize_pending(self) -> None:
        if self._pending is not None:
            keys, values = self.stm.memorize(self._pending.image, self._pending.planes)
            self._bank.remember(self._pending.number, keys, values, self._pending.keep, self._pending.given)
            self._pending = None

    def _find(self, image: Tensor, searched: Sequence[int]) -> Tensor:
        """Logits (1, 1 + searched, h, w) of the background and the objects searched for."""
        if not searched:
            return image.new_zeros((1, 1, *image.shape[-2:]))
        self.frames_searched += 1
        query = self.stm.encode_query(image)
        # An object whose place is known takes nothing from the background elsewhere.
        present = torch.tensor([[object_id in searched for object_id in self.object_ids]], device=self._device)
        logits = self.stm.decode(query, self._bank.read(query.key), present)
        return logits[:, [0, *(1 + self.object_ids.index(object_id) for object_id in searched)]]

    def _labels(self, logits: Tensor, searched: Sequence[int], shape: Sequence[int]) -> Labels:
        """The most likely id of each pixel at the frame's own size: uint8 (H, W)."""
        if logits.shape[-2:] != tuple(shape):
            logits = interpolate(logits, tuple(shape), mode="bilinear", align_corners=False)
        ids = torch.tensor([0, *searched], dtype=torch.uint8, device=self._device)
        # On a CPU, argmax over planes takes fifteen times as long as max, which breaks ties the same way.
        labels: Labels = ids[logits[0].max(dim=0).indices].cpu().numpy()
        return labels


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
