from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.builders import as_input, golden, planes
from visorvos import STM, VisorVosError, segment_video
from visorvos.core.inference.policy import GIVEN_LIMIT
from visorvos.core.inference.propagate import propagate

Array = NDArray[np.uint8]


@pytest.fixture(scope="module")
def video() -> Array:
    """Frames in which the network with fixed weights keeps three objects: (11, 44, 60, 3)."""
    return golden("propagation_resnet18")["frames"][:, 14:58, 20:80].copy()


@pytest.fixture(scope="module")
def first(video: Array) -> Array:
    labels: Array = golden("propagation_resnet18")["first_label"][14:58, 20:80].copy()
    return labels


@pytest.fixture(scope="module")
def unbroken(small_stm: STM, video: Array, first: Array) -> list[Array]:
    return list(segment_video(small_stm, video, first))


@pytest.fixture(scope="module")
def backward(small_stm: STM, video: Array, first: Array) -> list[Array]:
    """Masks of all frames, propagated from the last one."""
    return list(segment_video(small_stm, video[::-1], first))[::-1]


def test_from_the_first_frame_it_is_segment_video(
    small_stm: STM, video: Array, first: Array, unbroken: list[Array]
) -> None:
    found = list(propagate(small_stm, video, {0: first}, {0}, 0, 10))
    assert [number for number, _ in found] == list(range(11))
    np.testing.assert_array_equal([mask for _, mask in found], unbroken)


def test_backward_it_is_segment_video_of_the_reversed_video(
    small_stm: STM, video: Array, first: Array, backward: list[Array]
) -> None:
    """Eleven frames: every fifth frame is the same from either end."""
    found = list(propagate(small_stm, video, {10: first}, {10}, 10, 0))
    assert [number for number, _ in found] == list(range(10, -1, -1))
    np.testing.assert_array_equal([mask for _, mask in found], backward[::-1])


def one_step(stm: STM, video: Array, masks: Mapping[int, Array], frames: Sequence[int], number: int) -> Array:
    """The mask of a frame by the network alone, from the hard masks of some frames, for objects 1 to 3."""
    with torch.inference_mode():
        items = [stm.memorize(as_input(video[frame]), planes(masks[frame], 3)) for frame in frames]
        keys, values = (torch.stack(parts, dim=3) for parts in zip(*items, strict=True))
        labels: Array = stm.segment(as_input(video[number]), keys, values)[0].argmax(dim=0).numpy().astype(np.uint8)
    return labels


CASES: dict[str, tuple[Collection[int], Collection[int], int, int, dict[str, int], list[int]]] = {
    # known masks, given ones, start, stop, options -> the frames that are remembered
    "all that fit": (range(4), {0}, 4, 4, {}, [0, 1, 2, 3]),
    "a spread and the frame before": (range(9), {0}, 9, 9, {"limit": 3}, [0, 4, 7, 8]),
    "given frames are not spread": (range(9), {0, 1, 6}, 9, 9, {"limit": 2}, [0, 1, 6, 7, 8]),
    "one at least": (range(9), {0}, 9, 9, {"limit": 1}, [0, 8]),
    "gaps": ([0, 2, 5], {0}, 9, 9, {}, [0, 2, 5]),
    "given later": ([0, 1, 8, 9], {0, 8}, 2, 2, {}, [0, 1, 8]),
    "backward": (range(2, 11), {10}, 1, 0, {"limit": 3}, [10, 6, 3, 2]),
    "backward and given earlier": ([0, 8, 9, 10], {0, 10}, 7, 6, {}, [10, 9, 8, 0]),
}


@pytest.mark.parametrize("name", CASES)
def test_memory_is_rebuilt_from_known_masks(
    small_stm: STM, video: Array, unbroken: list[Array], backward: list[Array], name: str
) -> None:
    known, given, start, stop, options, remembered = CASES[name]
    if stop < start:
        unbroken = backward
    masks = {number: unbroken[number] for number in known}
    number, found = next(propagate(small_stm, video, masks, given, start, stop, **options))
    assert number == start
    expected = one_step(small_stm, video, masks, remembered, start)
    # The order of frames changes the last bits: of two equals either may win.
    assert np.mean(found == expected) >= 0.999
    for left_out in remembered:
        others = [frame for frame in remembered if frame != left_out]
        assert np.mean(found == one_step(small_stm, video, masks, others, start)) < 0.999


def test_a_long_past_is_encoded_in_few_frames(small_stm: STM, video: Array, first: Array) -> None:
    calls = []
    handle = small_stm.memory_encoder.register_forward_hook(lambda *_: calls.append(1))
    frames = [video[number % 11] for number in range(200)]
    try:
        next(propagate(small_stm, frames, dict.fromkeys(range(199), first), range(0, 199, 3), 199, 199, limit=4))
    finally:
        handle.remove()
    assert 4 < len(calls) <= 4 + 1 + GIVEN_LIMIT


class Unread(Mapping[int, Array]):
    """Masks of which only some may be read."""

    def __init__(self, masks: Mapping[int, Array], readable: Collection[int]) -> None:
        self.masks, self.readable = masks, readable

    def __getitem__(self, number: int) -> Array:
        assert number in self.readable
        return self.masks[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self.masks)

    def __len__(self) -> int:
        return len(self.masks)


def test_given_masks_on_the_way_stay_and_others_are_not_read(
    small_stm: STM, video: Array, first: Array, unbroken: list[Array]
) -> None:
    drawn = np.where(unbroken[6] == 2, 0, unbroken[6]).astype(np.uint8)
    masks = Unread({**dict(enumerate(unbroken)), 6: drawn}, {0, 1, 2, 3, 6})
    given = {0, 6}
    found = {}
    for number, mask in propagate(small_stm, video, masks, given, 4, 10):
        found[number] = mask
        if number == 7:
            # Drawn while the propagation runs.
            masks.readable.add(8)
            given.add(8)
    assert list(found) == list(range(4, 11))
    np.testing.assert_array_equal(found[6], drawn)
    np.testing.assert_array_equal(found[8], unbroken[8])


def test_objects_of_later_given_masks_enter_there(small_stm: STM, video: Array, first: Array) -> None:
    early = np.where(first == 3, 0, first).astype(np.uint8)
    found = dict(propagate(small_stm, video, {0: early, 5: first}, {0, 5}, 0, 8))
    assert not any((found[number] == 3).any() for number in range(5))
    assert any((found[number] == 3).any() for number in range(6, 9))


@pytest.mark.parametrize(
    ("known", "start", "stop", "sentence"),
    [([5], 3, 8, "no mask of frame 3 or of one before it"), ([5], 7, 2, "no mask of frame 7 or of one after it"),
     ([], 0, 0, "no mask")],
)  # fmt: skip
def test_nothing_to_propagate_from_is_refused_at_once(
    small_stm: STM, video: Array, first: Array, known: list[int], start: int, stop: int, sentence: str
) -> None:
    with pytest.raises(VisorVosError, match=sentence):
        propagate(small_stm, video, dict.fromkeys(known, first), known, start, stop)


@pytest.mark.parametrize("options", [{"every": 0}, {"limit": 0}, {"size": 0}])
def test_bad_options_are_refused_at_once(small_stm: STM, video: Array, first: Array, options: dict[str, Any]) -> None:
    with pytest.raises(VisorVosError, match=next(iter(options))):
        propagate(small_stm, video, {0: first}, {0}, 0, 1, **options)
