"""A view of a video: its frames at one size, mirrored or not, and a memory of its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from visorvos.core.inference.memory_bank import MemoryBank
from visorvos.core.inference.planes import known_planes, resize_frame, resize_mask, resize_planes
from visorvos.core.inference.policy import MemoryPolicy
from visorvos.core.network.stm import STM


class View:
    """Segments and memorizes one view of each frame: `look`, then `find` if need be, then `hold` and `memorize`.

    All tensors that go in and out are upright; what the network and the memory see is mirrored if ``mirrored`` is on.

    Args:
        stm: the network, in evaluation mode.
        policy: which frames to remember.
        size: short side in pixels at which frames are segmented, -1: their own.
        scale: factor by which that size is multiplied.
        mirrored: whether the network sees the frames mirrored, left to right.
    """

    def __init__(self, stm: STM, policy: MemoryPolicy, size: int, scale: float, mirrored: bool) -> None:
        self.stm = stm
        self.size, self.scale, self.mirrored = size, scale, mirrored
        self.bank = MemoryBank(policy)
        self.image: Tensor
        """(1, 3, h, w), the frame looked at last, at the size of this view."""
        self.planes: Tensor
        """(1, N, h, w), the objects in it, as they will be memorized."""

    def look(self, frame: Tensor) -> None:
        """Takes the next frame, (1, 3, H, W)."""
        short_side = min(frame.shape[-2:]) if self.size == -1 else self.size
        self.image = resize_frame(frame, max(1, round(self.scale * short_side)))

    def find(self, present: Tensor) -> Tensor:
        """Logits (1, 1 + N, h, w) of the background and all N objects, of which only those ``present`` (1, N) count."""
        query = self.stm.encode_query(self._turned(self.image))
        return self._turned(self.stm.decode(query, self.bank.read(query.key), present))

    def hold(self, found: Tensor, searched: Sequence[int], mask: Tensor | None, object_ids: Sequence[int]) -> None:
        """Takes what is known of the frame.

        Args:
            found: (1, F, H, W) probabilities of the objects that were searched for, at any size.
            searched: their ids.
            mask: uint8 (H, W), the labels that were given, if any.
            object_ids: the ids of all N objects.
        """
        size = self.image.shape[-2:]
        self.planes = resize_planes(found, size)
        if mask is not None:
            self.planes = known_planes(self.planes, searched, resize_mask(mask, size), object_ids)

    def memorize(self, number: int, keep: bool, given: bool) -> None:
        """Adds the frame to the memory; see `MemoryBank.remember`."""
        keys, values = self.stm.memorize(self._turned(self.image), self._turned(self.planes))
        self.bank.remember(number, keys, values, keep, given)

    def _turned(self, planes: Tensor) -> Tensor:
        return planes.flip(-1) if self.mirrored else planes


def average(logits: Sequence[Tensor]) -> Tensor:
    """The mean of the logits of several views, each (1, 1 + N, h, w), at the largest of their sizes."""
    if len(logits) == 1:
        return logits[0]
    size = max((one.shape[-2:] for one in logits), key=tuple)
    return torch.stack([resize_planes(one, size) for one in logits]).mean(dim=0)
