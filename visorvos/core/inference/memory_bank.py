"""The memory bank: keys and values of the remembered frames, in preallocated tensors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from visorvos.core.inference.policy import MemoryPolicy
from visorvos.core.network.memory_read import read_memory


class ObjectGroup:
    """The memory of objects that entered with the same frame and so remember the same frames.

    Slots are filled without gaps. The last one always holds the newest frame; if that frame is not to be kept, the
    next one takes its slot.

    Args:
        objects: number of objects.
        policy: decides which frame is dropped.
    """

    def __init__(self, objects: int, policy: MemoryPolicy) -> None:
        self.objects = objects
        self.policy = policy
        self.frames: list[int] = []
        """Frame number of each slot."""
        self.given: list[bool] = []
        """For each slot, whether the frame's mask was given."""
        self._keeps_newest = True
        self._keys: Tensor | None = None
        self._values: Tensor | None = None

    @property
    def slots(self) -> int:
        """Slots allocated so far."""
        return 0 if self._keys is None else self._keys.shape[1]

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool, given: bool = False) -> None:
        """Adds a frame; one that is already there is replaced.

        Args:
            frame: its number.
            keys: (N, Ck, h, w).
            values: (N, Cv, h, w).
            keep: whether it stays when the next one comes.
            given: whether its mask was given.
        """
        if not self._keeps_newest:
            del self.frames[-1], self.given[-1]
        if frame in self.frames:
            self._forget(self.frames.index(frame))
        slot = len(self.frames)
        self.frames.append(frame)
        self.given.append(given)
        self._keeps_newest = keep
        slots = self.policy.limit + 1 + sum(self.given[1:])
        self._keys = _store(self._keys, slot, keys, slots)
        self._values = _store(self._values, slot, values, slots)
        dropped = self.policy.drops(self.frames, self.given) if keep else None
        if dropped == slot:
            self._keeps_newest = False
        elif dropped is not None:
            self._forget(dropped)

    def read(self, query_key: Tensor) -> Tensor:
        """Reads the memory for a query frame: ``query_key`` (1, Ck, h, w) -> (1, N, Cv, h, w)."""
        keys, values = self._filled()
        return read_memory(query_key, _as_memory(keys), _as_memory(values))

    def state(self) -> dict[str, Tensor]:
        """Tensors for `restore`."""
        keys, values = self._filled()
        return {
            "keys": keys.clone(),
            "values": values.clone(),
            "frames": torch.tensor(self.frames),
            "given": torch.tensor(self.given),
            "keeps_newest": torch.tensor(self._keeps_newest),
        }

    @classmethod
    def restore(cls, state: Mapping[str, Tensor], policy: MemoryPolicy, device: torch.device) -> ObjectGroup:
        """The group whose `state` this is."""
        group = cls(state["keys"].shape[0], policy)
        group.frames, group.given = state["frames"].tolist(), state["given"].tolist()
        group._keeps_newest = bool(state["keeps_newest"])
        group._keys, group._values = state["keys"].to(device, copy=True), state["values"].to(device, copy=True)
        return group

    def _filled(self) -> tuple[Tensor, Tensor]:
        if self._keys is None or self._values is None:
            raise RuntimeError("The memory is read before any frame was remembered.")
        return self._keys[:, : len(self.frames)], self._values[:, : len(self.frames)]

    def _forget(self, slot: int) -> None:
        """Frees a slot: later frames move up, which costs less than one read of the memory."""
        for memory in self._filled():
            for later in range(slot + 1, len(self.frames)):
                memory[:, later - 1] = memory[:, later]
        del self.frames[slot], self.given[slot]


class MemoryBank:
    """The memories of all objects of a video, in the order in which the objects came.

    Args:
        policy: decides which frames are dropped.
    """

    def __init__(self, policy: MemoryPolicy) -> None:
        self.policy = policy
        self.groups: list[ObjectGroup] = []

    @property
    def objects(self) -> int:
        return sum(group.objects for group in self.groups)

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool, given: bool = False) -> None:
        """Adds a frame to the memory of every object; it is the first one of objects that are new.

        Args:
            frame: its number.
            keys: (1, N, Ck, h, w), new objects after the known ones.
            values: (1, N, Cv, h, w).
            keep: whether known objects keep the frame when the next one comes.
            given: whether its mask was given.
        """
        start = 0
        for group in self.groups:
            stop = start + group.objects
            group.remember(frame, keys[0, start:stop], values[0, start:stop], keep, given)
            start = stop
        if start < keys.shape[1]:
            newcomers = ObjectGroup(keys.shape[1] - start, self.policy)
            newcomers.remember(frame, keys[0, start:], values[0, start:], keep=True, given=given)
            self.groups.append(newcomers)

    def read(self, query_key: Tensor) -> Tensor:
        """Reads every object's memory for a query frame: (1, Ck, h, w) -> (1, N, Cv, h, w)."""
        return torch.cat([group.read(query_key) for group in self.groups], dim=1)

    def state(self) -> dict[str, Tensor]:
        """Tensors for `restore`, under flat names."""
        return {
            f"{number}.{name}": tensor
            for number, group in enumerate(self.groups)
            for name, tensor in group.state().items()
        }

    def restore(self, state: Mapping[str, Tensor], device: torch.device) -> None:
        """Continues from the `state` of another bank."""
        self.groups = []
        while f"{len(self.groups)}.keys" in state:
            prefix = f"{len(self.groups)}."
            own = {name.removeprefix(prefix): state[name] for name in state if name.startswith(prefix)}
            self.groups.append(ObjectGroup.restore(own, self.policy, device))


def _store(memory: Tensor | None, slot: int, item: Tensor, max_slots: int) -> Tensor:
    """Writes ``item`` (N, C, h, w) to a slot of (N, slots, h, w, C), doubled when full, up to ``max_slots``.

    With channels last, attention reads the memory without a copy.
    """
    by_position = item.movedim(1, -1)
    if memory is None:
        memory = by_position.new_empty((item.shape[0], min(2, max_slots), *by_position.shape[1:]))
    elif slot == memory.shape[1]:
        larger = memory.new_empty((memory.shape[0], max(slot + 1, min(2 * slot, max_slots)), *memory.shape[2:]))
        larger[:, :slot] = memory
        memory = larger
    memory[:, slot] = by_position
    return memory


def _as_memory(memory: Tensor) -> Tensor:
    """(N, T, h, w, C) -> (1, N, C, T, h, w) for the network, without a copy."""
    return memory.permute(0, 4, 1, 2, 3).unsqueeze(0)
