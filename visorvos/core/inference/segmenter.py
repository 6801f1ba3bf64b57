"""Propagates the masks of one video, frame by frame."""

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
from visorvos.core.inference.planes import given_planes, resize_frame, resize_labels, to_frame, to_tensor
from visorvos.core.inference.policy import EveryFrames, MemoryPolicy, VisorFrames
from visorvos.core.labels import object_ids
from visorvos.core.network.stm import STM
from visorvos.errors import VisorVosError

__all__ = ["Segmenter", "choose_policy", "segment_video"]

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
) -> Iterator[Labels]:
    """Finds the objects of the first frame's mask in every frame; each frame is read when its mask is due.

    The previous frame is always remembered, with its soft prediction, and beside it those of ``memory``.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        frames: uint8 (H, W, 3) RGB, all of one size. With ``memory="visor"`` it has a length.
        first_mask: uint8 (H, W), object ids 1..255, 0 the background.
        memory: "every": every k-th frame and those with a given mask, at most ``limit``: the first, the newest
            and an even spread between. "visor": the frames of the evaluation protocol.
        every: k.
        limit: frames remembered at most beside the previous one.
        masks: masks of later frames by frame number. An object that such a mask shows is where the mask says;
            others are found as before, outside it. New ids are objects from that frame on. Numbers that no
            frame has are not looked at.
        objects: ids to track from the first frame on, shown there or not, beside those of ``first_mask``.
        size: short side in pixels at which frames are segmented, -1: their own. The logits are brought back.

    Returns:
        A generator of uint8 (H, W) masks with the ids as given, one a frame, the first as it was given.

    Raises:
        VisorVosError: for frames or masks of the wrong form, on the frame in question.
    """
    later = masks or {}
    tracked = None if objects is None else [int(index) for index in objects]
    if any(not 1 <= index <= 255 for index in tracked or ()):
        raise VisorVosError(f"The objects {tracked} are not all from 1 to 255.", "0 is the background.")
    if not (tracked or later or first_mask.any()):
        raise VisorVosError("The first mask shows no object.", "Mark each object with an id from 1 to 255.")
    if 0 in later:
        raise VisorVosError("The mask of frame 0 is given twice.", "Pass it as first_mask alone.")
    length = len(frames) if isinstance(frames, Sized) else None
    segmenter = Segmenter(stm, choose_policy(memory, every, limit, length), size)

    def propagate() -> Iterator[Labels]:
        for number, frame in enumerate(frames):
            if number == 0:
                yield segmenter.step(frame, first_mask, tracked)
            else:
                yield segmenter.step(frame, later.get(number))

    return propagate()


def choose_policy(memory: Literal["every", "visor"], every: int, limit: int, length: int | None) -> MemoryPolicy:
    """The memory policy of a name.

    Raises:
        VisorVosError: for an unknown name, a number below 1, or "visor" where ``length``, the number of frames,
            is not known.
    """
    if memory == "every":
        if every < 1 or limit < 1:
            raise VisorVosError(
                f"Memory every={every}, limit={limit}: both are at least 1.", "Leave them out: 5 and 8."
            )
        return EveryFrames(every, limit)
    if memory != "visor":
        raise VisorVosError(f"There is no memory policy named {memory!r}.", 'Choose "every" or "visor".')
    if length is None:
        raise VisorVosError(
            "The memory policy visor needs to know how many frames there are.",
            "Pass the frames as a sequence, or use the policy every.",
        )
    return VisorFrames(length)


@dataclass(frozen=True)
class _Pending:
    """The newest frame, not yet in the memory: the last frame of a video never needs to be."""

    number: int
    image: Tensor
    planes: Tensor
    keep: bool


class Segmenter:
    """One video's state: `step` takes the next frame and gives its mask.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        policy: which frames to remember.
        size: short side in pixels at which frames are segmented, -1: their own.
    """

    def __init__(self, stm: STM, policy: MemoryPolicy, size: int = -1) -> None:
        if size != -1 and size < 1:
            raise VisorVosError(f"The size {size} is no short side in pixels.", "Give 1 or more, or -1.")
        self.stm = stm
        self.policy = policy
        self.size = size
        self.object_ids: list[int] = []
        """The user's id of each of the network's planes."""
        self.frames_seen = 0
        self._bank = MemoryBank(policy.limit)
        self._pending: _Pending | None = None
        self._shape: tuple[int, ...] | None = None
        self._device = next(stm.parameters()).device

    @torch.inference_mode()
    def step(self, frame: Frame, mask: Labels | None = None, objects: Collection[int] | None = None) -> Labels:
        """Segments the next frame.

        Args:
            frame: uint8 (H, W, 3) RGB.
            mask: uint8 (H, W), what is known of this frame.
            objects: with a mask: ids to track from here on beside those that it shows.

        Returns:
            uint8 (H, W): the frame's mask, the given one where there is one.
        """
        number = self.frames_seen
        self._check(number, frame, mask)
        self._memorize_pending()
        image = resize_frame(to_frame(frame, self._device), self.size)

        given = sorted(set(object_ids(mask)) | set(objects or ())) if mask is not None else []
        sought = [index for index in self.object_ids if index not in given]
        logits = self._find(image, sought)
        labels = self._labels(logits, sought, frame.shape[:2])
        if mask is not None:
            labels = np.where(mask > 0, mask, labels)

        self.object_ids += [index for index in given if index not in self.object_ids]
        if self.object_ids:
            planes = torch.softmax(logits, dim=1)[:, 1:]
            if mask is not None:
                known = resize_labels(to_tensor(mask, self._device), image.shape[-2:])
                planes = given_planes(planes, sought, known, self.object_ids)
            keep = self.policy.is_due(number, given=mask is not None)
            self._pending = _Pending(number, image, planes, keep)
        self.frames_seen += 1
        return labels

    @torch.inference_mode()
    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs to go on as if nothing had happened, as tensors by name."""
        self._memorize_pending()
        return {**self._bank.state(), **self.position()}

    def position(self) -> dict[str, Tensor]:
        """The part of `state` that says how far the video has come: all there is to keep when it is done."""
        return {
            "frames_seen": torch.tensor([self.frames_seen, *(self._shape or ())]),
            "object_ids": torch.tensor(self.object_ids),
        }

    @torch.inference_mode()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Takes up the state of another segmenter of the same network, policy and size."""
        self.frames_seen, *shape = (int(value) for value in state["frames_seen"])
        self._shape = tuple(shape) or None
        self.object_ids = [int(value) for value in state["object_ids"]]
        self._bank = MemoryBank.restore(state, self.policy.limit, self._device)
        self._pending = None

    def _check(self, number: int, frame: Frame, mask: Labels | None) -> None:
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise VisorVosError(
                f"Frame {number} is {frame.dtype} {frame.shape}.", "Frames are uint8 (height, width, 3), RGB."
            )
        self._shape = self._shape or frame.shape
        if frame.shape != self._shape:
            raise VisorVosError(
                f"Frame {number} is {_size(frame.shape)}, the first was {_size(self._shape)}.",
                "All frames of a video have one size.",
            )
        if mask is not None and (mask.dtype != np.uint8 or mask.shape != frame.shape[:2]):
            raise VisorVosError(
                f"The mask of frame {number} is {mask.dtype} {mask.shape}, the frame {frame.shape[:2]}.",
                "Masks are uint8 (height, width), of the frame's size.",
            )

    def _memorize_pending(self) -> None:
        if self._pending is not None:
            keys, values = self.stm.memorize(self._pending.image, self._pending.planes)
            self._bank.remember(self._pending.number, keys, values, self._pending.keep)
            self._pending = None

    def _find(self, image: Tensor, sought: Sequence[int]) -> Tensor:
        """Log-odds (1, 1 + sought, h, w) of the background and the objects still to be found."""
        if not sought:
            return image.new_zeros((1, 1, *image.shape[-2:]))
        query = self.stm.encode_query(image)
        # An object whose place is known takes nothing from the background where it is not.
        present = torch.tensor([[index in sought for index in self.object_ids]], device=self._device)
        logits = self.stm.decode(query, self._bank.read(query.key), present)
        return logits[:, [0, *(1 + self.object_ids.index(index) for index in sought)]]

    def _labels(self, logits: Tensor, sought: Sequence[int], shape: Sequence[int]) -> Labels:
        """The likeliest id of each pixel, at the frame's own size: uint8 (H, W)."""
        if logits.shape[-2:] != tuple(shape):
            logits = interpolate(logits, tuple(shape), mode="bilinear", align_corners=False)
        ids = torch.tensor([0, *sought], dtype=torch.uint8, device=self._device)
        # On a CPU, argmax over planes takes fifteen times as long as max, which also gives the first of equals.
        labels: Labels = ids[logits[0].max(dim=0).indices].cpu().numpy()
        return labels


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"
