from __future__ import annotations

import math
from dataclasses import dataclass

import hypothesis
import pytest
import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from visorvos.core.inference.memory_bank import MemoryBank
from visorvos.core.inference.policy import GIVEN_LIMIT, EveryFrames

KEY, VALUE, HEIGHT, WIDTH = 3, 5, 2, 3
CPU = torch.device("cpu")


@dataclass
class Remembered:
    frame: int
    key: Tensor
    value: Tensor
    kept: bool
    given: bool


class PlainBank:
    """A list of frames for each object; all are concatenated for each read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.objects: list[list[Remembered]] = []

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool, given: bool) -> None:
        for index in range(keys.shape[1]):
            if index == len(self.objects):
                # An object's first frame is one of the limit, though its mask is given.
                self.objects.append([Remembered(frame, keys[0, index], values[0, index], True, False)])
                continue
            memory = [item for item in self.objects[index] if item.kept]
            memory.append(Remembered(frame, keys[0, index], values[0, index], keep, given))
            self.objects[index] = memory
            for room, kind in ((self.limit, False), (GIVEN_LIMIT, True)):
                alike = [item for item in memory if item.kept and item.given == kind]
                if keep and len(alike) > room:
                    if room == 1:
                        alike[-1].kept = False
                        continue
                    holes = [alike[n + 1].frame - alike[n - 1].frame for n in range(1, len(alike) - 1)]
                    memory.remove(alike[1 + holes.index(min(holes))])

    def read(self, query: Tensor) -> Tensor:
        found = []
        for memory in self.objects:
            key = torch.cat([item.key.flatten(1) for item in memory], dim=1).double()
            value = torch.cat([item.value.flatten(1) for item in memory], dim=1).double()
            weights = torch.softmax(key.T @ query[0].flatten(1).double() / math.sqrt(KEY), dim=0)
            found.append((value @ weights).unflatten(1, (HEIGHT, WIDTH)))
        return torch.stack(found)[None]


def random_item(objects: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    return (
        torch.randn(1, objects, KEY, HEIGHT, WIDTH, generator=random),
        torch.randn(1, objects, VALUE, HEIGHT, WIDTH, generator=random),
    )


def random_query(random: torch.Generator) -> Tensor:
    return 2 * torch.randn(1, KEY, HEIGHT, WIDTH, generator=random)


def restored_bank(state: dict[str, Tensor], policy: EveryFrames) -> MemoryBank:
    bank = MemoryBank(policy)
    bank.restore(state, CPU)
    return bank


def frames_of(bank: MemoryBank) -> list[list[int]]:
    return [group.frames for group in bank.groups for _ in range(group.objects)]


# A video: for each frame whether known objects keep it, whether its mask is given, and how many objects are new.
steps = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from([0, 0, 0, 0, 1, 2])), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@hypothesis.given(limit=st.integers(1, 5), steps=steps, seed=st.integers(0, 99))
def test_reads_are_those_of_a_plain_list(limit: int, steps: list[tuple[bool, bool, int]], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    bank, plain = MemoryBank(EveryFrames(limit=limit)), PlainBank(limit)
    objects = 1
    for frame, (keep, given, newcomers) in enumerate(steps):
        objects += newcomers
        keys, values = random_item(objects, random)
        bank.remember(frame, keys, values, keep or given, given)
        plain.remember(frame, keys, values, keep or given, given)
        assert bank.objects == objects
        assert frames_of(bank) == [[item.frame for item in memory] for memory in plain.objects]
        assert all(len(frames) <= limit + 1 + GIVEN_LIMIT for frames in frames_of(bank))
        query = random_query(random)
        torch.testing.assert_close(bank.read(query).double(), plain.read(query), atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@hypothesis.given(limit=st.integers(1, 4), steps=steps, seed=st.integers(0, 99), data=st.data())
def test_restored_bank_reads_the_same_bits(
    limit: int, steps: list[tuple[bool, bool, int]], seed: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(steps) - 1))
    random = torch.Generator().manual_seed(seed)
    policy = EveryFrames(limit=limit)
    bank, restored = MemoryBank(policy), None
    objects = 1
    for frame, (keep, given, newcomers) in enumerate(steps):
        objects += newcomers
        keys, values = random_item(objects, random)
        bank.remember(frame, keys, values, keep or given, given)
        if restored is not None:
            restored.remember(frame, keys, values, keep or given, given)
        if frame == at:
            restored = restored_bank(bank.state(), policy)
        if restored is not None:
            query = random_query(random)
            assert frames_of(restored) == frames_of(bank)
            assert torch.equal(restored.read(query), bank.read(query))


def test_a_state_is_a_snapshot() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(EveryFrames(limit=3))
    for frame in range(7):
        bank.remember(frame, *random_item(2, random), keep=frame % 2 == 0)
    query = random_query(random)
    state, expected = bank.state(), bank.read(query)
    for frame in range(7, 12):
        bank.remember(frame, *random_item(2, random), keep=True)
    assert torch.equal(restored_bank(state, EveryFrames(limit=3)).read(query), expected)


def test_a_restored_bank_shares_no_memory() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(EveryFrames(limit=2))
    for frame in range(3):
        bank.remember(frame, *random_item(1, random), keep=True)
    query = random_query(random)
    expected = bank.read(query)
    restored = restored_bank(bank.state(), EveryFrames(limit=2))
    for frame in range(3, 8):
        restored.remember(frame, *random_item(1, random), keep=True)
    assert torch.equal(bank.read(query), expected)


@pytest.mark.parametrize("limit", [1, 2, 5, 8])
def test_slots_grow_with_need_and_no_further_than_the_limit(limit: int) -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(EveryFrames(limit=limit))
    slots = []
    for frame in range(40):
        bank.remember(frame, *random_item(2, random), keep=frame % 3 == 0)
        (group,) = bank.groups
        slots.append(group.slots)
        assert len(group.frames) <= slots[-1] <= 2 * max(1, len(group.frames))
    assert slots == sorted(slots)
    assert slots[-1] == limit + 1
    for frame in range(40, 60):
        bank.remember(frame, *random_item(2, random), keep=True, given=True)
    assert bank.groups[0].slots == limit + GIVEN_LIMIT + 1


def test_precision_of_what_is_remembered_stays() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(EveryFrames(limit=2))
    for frame in range(4):
        keys, values = random_item(1, random)
        bank.remember(frame, keys.bfloat16(), values.bfloat16(), keep=True)
    assert bank.read(random_query(random).bfloat16()).dtype == torch.bfloat16
    restored = restored_bank(bank.state(), EveryFrames(limit=2))
    assert restored.state()["0.keys"].dtype == torch.bfloat16


def test_empty_bank_comes_back_empty() -> None:
    assert restored_bank(MemoryBank(EveryFrames()).state(), EveryFrames()).objects == 0
