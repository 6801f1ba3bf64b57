"""Where remembered frames are kept: preallocated, and never more than the policy allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from visorvos.core.inference.policy import least_missed
from visorvos.core.network.memory_read import read_memory

__all__ = ["MemoryBank", "ObjectGroup"]


class ObjectGroup:
    """The memory of objects that came with the same frame and so remember the same frames.

    Slots are filled without gaps; the newest frame is always in one. A frame that is not to be kept gives
    its slot to the next.

    Args:
        objects: how many.
        limit: frames to keep at most, beside the newest.
    """

    def __init__(self, objects: int, limit: int) -> None:
        self.objects = objects
        self.limit = limit
        self.frames: list[int] = []
        self.kept: list[bool] = []
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool) -> None:
        """Adds a frame.

        Args:
            frame: its number, larger than any before.
            keys: (N, Ck, h, w).
            values: (N, Cv, h, w).
            keep: whether it stays when the next one comes.
        """
        slot = len(self.frames) - (bool(self.frames) and not self.kept[-1])
        del self.frames[slot:], self.kept[slot:]
        self.frames.append(frame)
        self.kept.append(keep)
        self._keys = _store(self._keys, slot, keys, self.limit + 1)
        self._values = _store(self._values, slot, values, self.limit + 1)
        if sum(self.kept) > self.limit:
            if self.limit == 1:
                self.kept[-1] = False
            else:
                self._forget(least_missed(self.frames))

    def read(self, query_key: Tensor) -> Tensor:
        """What the memory holds for a query frame: ``query_key`` (1, Ck, h, w) -> (1, N, Cv, h, w)."""
        keys, values = self._filled()
        return read_memory(query_key, _as_memory(keys), _as_memory(values))

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs."""
        keys, values = self._filled()
        return {
            "keys": keys.clone(),
            "values": values.clone(),
            "frames": torch.tensor(self.frames),
            "kept": torch.tensor(self.kept),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Tensor], limit: int, device: torch.device) -> ObjectGroup:
        """A group as it was when `state` was called."""
        group = cls(state["keys"].shape[0], limit)
        slots = zip(state["frames"].tolist(), state["kept"].tolist(), strict=True)
        keys, values = state["keys"].to(device), state["values"].to(device)
        for slot, (frame, kept) in enumerate(slots):
            group.frames.append(frame)
            group.kept.append(kept)
            group._keys = _store(group._keys, slot, keys[:, slot].movedim(-1, 1), limit + 1)
            group._values = _store(group._values, slot, values[:, slot].movedim(-1, 1), limit + 1)
        return group

    def _filled(self) -> tuple[Tensor, Tensor]:
        if self._keys is None or self._values is None:
            raise RuntimeError("a memory is read before anything was remembered")
        return self._keys[:, : len(self.frames)], self._values[:, : len(self.frames)]

    def _forget(self, slot: int) -> None:
        """Frees a slot, later frames moving up. Once every few frames, and cheaper than reading them."""
        for memory in self._filled():
            for later in range(slot + 1, len(self.frames)):
                memory[:, later - 1] = memory[:, later]
        del self.frames[slot], self.kept[slot]


class MemoryBank:
    """The memories of all objects of a video, in the order in which the objects came."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.groups: list[ObjectGroup] = []

    @property
    def objects(self) -> int:
        return sum(group.objects for group in self.groups)

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool) -> None:
        """Adds a frame to every object's memory; objects that are new with it keep it as their first.

        Args:
            frame: its number.
            keys: (1, N, Ck, h, w), new objects after the known ones.
            values: (1, N, Cv, h, w).
            keep: whether known objects keep the frame when the next one comes.
        """
        start = 0
        for group in self.groups:
            stop = start + group.objects
            group.remember(frame, keys[0, start:stop], values[0, start:stop], keep)
            start = stop
        if start < keys.shape[1]:
            newcomers = ObjectGroup(keys.shape[1] - start, self.limit)
            newcomers.remember(frame, keys[0, start:], values[0, start:], keep=True)
            self.groups.append(newcomers)

    def read(self, query_key: Tensor) -> Tensor:
        """What every object's memory holds for a query frame: (1, Ck, h, w) -> (1, N, Cv, h, w)."""
        return torch.cat([group.read(query_key) for group in self.groups], dim=1)

    def state(self) -> dict[str, Tensor]:
        """All that `restore` needs, under flat names."""
        return {
            f"{number}.{name}": tensor
            for number, group in enumerate(self.groups)
            for name, tensor in group.state().items()
        }

    @classmethod
    def restore(cls, state: Mapping[str, Any], limit: int, device: torch.device) -> MemoryBank:
        """A bank as it was when `state` was called."""
        bank = cls(limit)
        while f"{len(bank.groups)}.keys" in state:
            prefix = f"{len(bank.groups)}."
            own = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
            bank.groups.append(ObjectGroup.restore(own, limit, device))
        return bank


def _store(memory: Tensor | None, slot: int, item: Tensor, most: int) -> Tensor:
    """Writes ``item`` (N, C, h, w) to a slot of (N, slots, h, w, C), which is doubled when full, up to ``most``.

    Channels lie last: attention then reads the memory as it is, without a copy.
    """
    by_position = item.movedim(1, -1)
    if memory is None:
        memory = by_position.new_empty((item.shape[0], min(2, most), *by_position.shape[1:]))
    elif slot == memory.shape[1]:
        larger = memory.new_empty((memory.shape[0], min(2 * slot, most), *memory.shape[2:]))
        larger[:, :slot] = memory
        memory = larger
    memory[:, slot] = by_position
    return memory


def _as_memory(memory: Tensor) -> Tensor:
    """(N, T, h, w, C) as the network takes it, (1, N, C, T, h, w), without a copy."""
    return memory.permute(0, 4, 1, 2, 3).unsqueeze(0)
