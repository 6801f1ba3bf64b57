from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visorvos.core.inference.memory_bank import MemoryBank

KEY, VALUE, HEIGHT, WIDTH = 3, 5, 2, 3
CPU = torch.device("cpu")


@dataclass
class Remembered:
    frame: int
    key: Tensor
    value: Tensor
    kept: bool


class PlainBank:
    """A list of frames for each object; all are concatenated for each read."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.objects: list[list[Remembered]] = []

    def remember(self, frame: int, keys: Tensor, values: Tensor, keep: bool) -> None:
        for index in range(keys.shape[1]):
            if index == len(self.objects):
                self.objects.append([Remembered(frame, keys[0, index], values[0, index], True)])
                continue
            memory = [item for item in self.objects[index] if item.kept]
            memory.append(Remembered(frame, keys[0, index], values[0, index], keep))
            self.objects[index] = memory
            if sum(item.kept for item in memory) > self.limit:
                if self.limit == 1:
                    memory[-1].kept = False
                else:
                    holes = [memory[n + 1].frame - memory[n - 1].frame for n in range(1, len(memory) - 1)]
                    del memory[1 + holes.index(min(holes))]

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


def frames_of(bank: MemoryBank) -> list[list[int]]:
    return [group.frames for group in bank.groups for _ in range(group.objects)]


# A video: for each frame whether known objects keep it, and how many objects are new with it.
steps = st.lists(st.tuples(st.booleans(), st.sampled_from([0, 0, 0, 0, 1, 2])), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(limit=st.integers(1, 5), steps=steps, seed=st.integers(0, 99))
def test_reads_are_those_of_a_plain_list(limit: int, steps: list[tuple[bool, int]], seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    bank, plain = MemoryBank(limit), PlainBank(limit)
    objects = 1
    for frame, (keep, newcomers) in enumerate(steps):
        objects += newcomers
        keys, values = random_item(objects, random)
        bank.remember(frame, keys, values, keep)
        plain.remember(frame, keys, values, keep)
        assert bank.objects == objects
        assert frames_of(bank) == [[item.frame for item in memory] for memory in plain.objects]
        assert all(len(frames) <= limit + 1 for frames in frames_of(bank))
        query = random_query(random)
        torch.testing.assert_close(bank.read(query).double(), plain.read(query), atol=1e-5, rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(limit=st.integers(1, 4), steps=steps, seed=st.integers(0, 99), data=st.data())
def test_restored_bank_reads_the_same_bits(
    limit: int, steps: list[tuple[bool, int]], seed: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(steps) - 1))
    random = torch.Generator().manual_seed(seed)
    bank, restored = MemoryBank(limit), None
    objects = 1
    for frame, (keep, newcomers) in enumerate(steps):
        objects += newcomers
        keys, values = random_item(objects, random)
        bank.remember(frame, keys, values, keep)
        if restored is not None:
            restored.remember(frame, keys, values, keep)
        if frame == at:
            restored = MemoryBank.restore(bank.state(), limit, CPU)
        if restored is not None:
            query = random_query(random)
            assert frames_of(restored) == frames_of(bank)
            assert torch.equal(restored.read(query), bank.read(query))


def test_state_stands_while_the_bank_goes_on() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(3)
    for frame in range(7):
        bank.remember(frame, *random_item(2, random), keep=frame % 2 == 0)
    query = random_query(random)
    state, expected = bank.state(), bank.read(query)
    for frame in range(7, 12):
        bank.remember(frame, *random_item(2, random), keep=True)
    assert torch.equal(MemoryBank.restore(state, 3, CPU).read(query), expected)


def test_restored_bank_is_its_own() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(2)
    for frame in range(3):
        bank.remember(frame, *random_item(1, random), keep=True)
    query = random_query(random)
    expected = bank.read(query)
    restored = MemoryBank.restore(bank.state(), 2, CPU)
    for frame in range(3, 8):
        restored.remember(frame, *random_item(1, random), keep=True)
    assert torch.equal(bank.read(query), expected)


@pytest.mark.parametrize("limit", [1, 2, 5, 8])
def test_slots_grow_with_need_and_no_further_than_the_limit(limit: int) -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(limit)
    slots = []
    for frame in range(40):
        bank.remember(frame, *random_item(2, random), keep=frame % 3 == 0)
        group = bank.groups[0]
        assert group._keys is not None
        assert group._values is not None
        assert group._keys.shape == (2, group._keys.shape[1], HEIGHT, WIDTH, KEY)
        assert group._values.shape == (2, group._keys.shape[1], HEIGHT, WIDTH, VALUE)
        slots.append(group._keys.shape[1])
        assert len(group.frames) <= slots[-1] <= 2 * max(1, len(group.frames))
    assert slots == sorted(slots)
    assert slots[-1] == limit + 1


def test_precision_of_what_is_remembered_stays() -> None:
    random = torch.Generator().manual_seed(0)
    bank = MemoryBank(2)
    for frame in range(4):
        keys, values = random_item(1, random)
        bank.remember(frame, keys.bfloat16(), values.bfloat16(), keep=True)
    assert bank.read(random_query(random).bfloat16()).dtype == torch.bfloat16
    restored = MemoryBank.restore(bank.state(), 2, CPU)
    assert restored.state()["0.keys"].dtype == torch.bfloat16


def test_empty_bank_comes_back_empty() -> None:
    assert MemoryBank.restore(MemoryBank(3).state(), 3, CPU).objects == 0
