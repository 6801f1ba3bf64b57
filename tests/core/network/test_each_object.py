from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.builders import noise
from visorvos import STM
from visorvos.core.network.each_object import each_object


@pytest.mark.parametrize("objects", [1, 3])
def test_one_object_after_another_equals_all_at_once(small_stm: STM, objects: int) -> None:
    frames, masks = noise(2, 3, 40, 48), noise(2, objects, 40, 48, seed=1)
    seen: list[tuple[int, ...]] = []
    parts = (small_stm.memory_encoder.stage_16, small_stm.decoder.predict)
    handles = [part.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[0])) for part in parts]
    found = []
    try:
        for learning in (True, False):
            with torch.set_grad_enabled(learning):
                keys, values = small_stm.memorize(frames, masks)
                logits = small_stm.segment(frames, keys.unsqueeze(3), values.unsqueeze(3))
            found.append([tensor.detach() for tensor in (keys, values, logits)])
    finally:
        for handle in handles:
            handle.remove()
    # With gradients: all objects of both clips together. Without: one object of both clips at a time.
    assert seen == [2 * objects, 2 * objects] + [2] * (2 * objects)
    for at_once, in_turn in zip(*found, strict=True):
        assert at_once.shape[1] >= objects
        torch.testing.assert_close(in_turn, at_once, rtol=1e-4, atol=1e-5)


def test_nothing_is_computed_twice(small_stm: STM) -> None:
    """The part that all objects share is computed once, in either order of computation."""
    frame, masks = noise(1, 3, 32, 48), noise(1, 4, 32, 48, seed=1)
    found = []
    for learning in (True, False):
        with torch.set_grad_enabled(learning), FlopCounterMode(display=False) as counter:
            keys, values = small_stm.memorize(frame, masks)
            small_stm.segment(frame, keys.unsqueeze(3), values.unsqueeze(3))
        found.append(counter.get_flop_counts()["Global"][torch.ops.aten.convolution])
    assert found[0] == found[1] > 0


@torch.no_grad()
def test_no_objects() -> None:
    assert each_object(torch.relu, torch.zeros(2, 0, 3)).shape == (2, 0, 3)


@torch.no_grad()
def test_tensors_are_split_alike() -> None:
    one, other = noise(2, 4, 3), noise(2, 4, 3, seed=1)
    assert torch.equal(each_object(torch.sub, one, other), one - other)
