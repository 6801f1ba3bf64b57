from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from tests.builders import as_input, golden
from visorvos import STM, VisorVosError, segment_video
from visorvos.core.inference.policy import EveryFrames, VisorFrames
from visorvos.core.inference.segmenter import Segmenter
from visorvos.core.network.aggregation import aggregate

Array = NDArray[np.uint8]


@pytest.mark.parametrize(("memory", "recorded_as"), [("visor", "masks_two_memories"), ("every", "masks_every_five")])
def test_propagation_is_the_references(golden_stm: STM, memory: str, recorded_as: str) -> None:
    recorded = golden(f"propagation_{golden_stm.backbone}")
    masks = list(segment_video(golden_stm, list(recorded["frames"]), recorded["first_label"], memory=memory))
    np.testing.assert_array_equal(masks[0], recorded["first_label"])
    agree = np.mean(np.stack(masks[1:]) == recorded[recorded_as][1:])
    assert agree >= 0.999


@pytest.fixture(scope="module")
def video() -> Array:
    """Frames in which the network with fixed weights keeps three objects: (11, 44, 60, 3)."""
    return golden("propagation_resnet18")["frames"][:, 14:58, 20:80].copy()


@pytest.fixture(scope="module")
def first(video: Array) -> Array:
    labels: Array = golden("propagation_resnet18")["first_label"][14:58, 20:80].copy()
    assert set(np.unique(labels)) == {0, 1, 2, 3}
    return labels


def renamed(labels: Array, ids: Mapping[int, int]) -> Array:
    table = np.zeros(256, np.uint8)
    for old, new in ids.items():
        table[old] = new
    return table[labels]


def box(labels: Array, index: int, top: int, left: int, height: int = 14, width: int = 14) -> Array:
    """Labels with one more object."""
    drawn = labels.copy()
    drawn[top : top + height, left : left + width] = index
    return drawn


# ---------------------------------------------------------------------------------------------------------------
# The same thing plain and slow: every frame stays in a list, every object is segmented alone, in float64.


def kept_of(due: Sequence[int], limit: int, given: Collection[int]) -> list[int]:
    """Given masks count beside the limit, save an object's first."""
    first, *later = due
    kept: list[int] = []
    for frame in [first, *(frame for frame in later if frame not in given)]:
        kept.append(frame)
        if len(kept) > limit:
            holes = [kept[n + 1] - kept[n - 1] for n in range(1, len(kept) - 1)]
            del kept[1 + holes.index(min(holes)) if limit > 1 else -1]
    return kept + [frame for frame in later if frame in given]


def softmax_planes(logits: Tensor) -> Tensor:
    exponents = torch.exp(logits)
    return exponents / exponents.sum(dim=0)


def plain_propagation(
    stm: STM,
    frames: Sequence[Array],
    masks: Mapping[int, Array],
    is_due: Callable[[int, bool], bool],
    limit: int,
    size: tuple[int, int] | None = None,
) -> Iterator[tuple[Array, NDArray[np.float64]]]:
    """For each frame its labels, and by how much the likeliest label leads: (H, W) each."""
    memory: dict[int, dict[int, tuple[Tensor, Tensor]]] = {}
    due: dict[int, list[int]] = {}
    for number, frame in enumerate(frames):
        image = as_input(frame)
        if size is not None:
            image = interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)
        mask = masks.get(number, np.zeros(frame.shape[:2], np.uint8))
        shown = [int(index) for index in np.unique(mask) if index]

        # Those that the mask does not show are found, as if the others were not there.
        sought = [index for index in memory if index not in shown]
        probabilities = []
        for index in sought:
            times = sorted({*kept_of(due[index], limit, masks), number - 1})
            keys = torch.stack([memory[index][time][0] for time in times], dim=1)[None, None]
            values = torch.stack([memory[index][time][1] for time in times], dim=1)[None, None]
            probabilities.append(torch.sigmoid(stm.segment(image, keys, values)[0, 1].double()))
        background = torch.ones(image.shape[-2:], dtype=torch.float64)
        for probability in probabilities:
            background = background * (1 - probability)
        aggregated = torch.stack([background, *probabilities]).clamp(1e-7, 1 - 1e-7)
        logits = torch.log(aggregated / (1 - aggregated))

        full = interpolate(logits[None], frame.shape[:2], mode="bilinear", align_corners=False)[0]
        labels = np.array([0, *sought], np.uint8)[full.argmax(dim=0).numpy()]
        labels[mask > 0] = mask[mask > 0]
        ranked = full.sort(dim=0, descending=True).values.numpy()
        lead = ranked[0] - ranked[1] if sought else np.full(labels.shape, np.inf)
        yield labels, np.where(mask > 0, np.inf, lead)

        known = torch.from_numpy(mask).float()
        if size is not None:
            known = interpolate(known[None, None], size, mode="nearest-exact")[0, 0]
        planes = {index: known == index for index in shown}
        for index, plane in zip(sought, softmax_planes(logits)[1:], strict=True):
            planes[index] = plane * (known == 0)
        keys, values = stm.memorize(image, torch.stack([plane.float() for plane in planes.values()])[None])
        for place, index in enumerate(planes):
            if index not in memory:
                memory[index], due[index] = {}, [number]
            elif is_due(number, number in masks):
                due[index].append(number)
            memory[index][number] = (keys[0, place], values[0, place])


def assert_same_masks(
    found: Sequence[Array], expected: Sequence[tuple[Array, NDArray[np.float64]]], objects: int
) -> None:
    """Every pixel, save where two labels are as likely but for rounding."""
    assert len(found) == len(expected)
    for number, (labels, (wanted, lead)) in enumerate(zip(found, expected, strict=True)):
        assert labels.dtype == np.uint8
        assert labels.shape == wanted.shape
        differ = (labels != wanted) & (lead > 1e-3)
        assert not differ.any(), f"frame {number}: {differ.sum()} pixels"
    seen = {int(index) for labels in found[1:] for index in np.unique(labels)}
    assert len(seen) > objects, "the example shows too little"


@pytest.mark.parametrize(("every", "limit"), [(3, 8), (1, 3), (1, 1)])
def test_masks_are_those_of_plain_propagation(
    small_stm: STM, video: Array, first: Array, every: int, limit: int
) -> None:
    found = list(segment_video(small_stm, video[:8], first, every=every, limit=limit))
    with torch.inference_mode():
        expected = list(plain_propagation(small_stm, video[:8], {0: first}, lambda n, _: n % every == 0, limit))
    assert_same_masks(found, expected, objects=3)


def test_masks_of_the_visor_protocol_are_those_of_plain_propagation(small_stm: STM, video: Array, first: Array) -> None:
    found = list(segment_video(small_stm, video[:6], first, memory="visor"))
    with torch.inference_mode():
        expected = list(plain_propagation(small_stm, video[:6], {0: first}, lambda n, _: n in (0, 2, 4), 3))
    assert_same_masks(found, expected, objects=3)


def test_later_masks_correct_and_bring_objects(small_stm: STM, video: Array, first: Array) -> None:
    """As plain propagation has it, with objects whose memories differ in length."""
    blank = np.zeros_like(first)
    later = {
        2: box(blank, 9, 4, 4),  # a new object
        4: box(box(blank, 2, 24, 30), 5, 2, 40),  # one corrected, another new
        5: blank,  # given, and shows nothing
        7: box(blank, 9, 20, 8, height=3),  # corrected to less than was found
    }
    found = list(segment_video(small_stm, video, first, every=3, limit=2, masks=later))
    with torch.inference_mode():
        expected = list(
            plain_propagation(
                small_stm, video, {0: first, **later}, lambda n, is_given: is_given or n % 3 == 0, limit=2
            )
        )
    for number, mask in {0: first, **later}.items():
        np.testing.assert_array_equal(found[number][mask > 0], mask[mask > 0])
    for number, brought in ((2, 9), (4, 5)):
        assert not any((labels == brought).any() for labels in found[:number])
        assert any((labels == brought).any() for labels in found[number + 1 :])
    assert not ((found[7] == 9) & (later[7] != 9)).any()
    assert_same_masks(found, expected, objects=4)


def test_complete_masks_say_which_objects_are_absent(small_stm: STM, video: Array, first: Array) -> None:
    """As if every object were corrected: nothing is searched for in that frame, and absence is remembered."""
    later = {2: box(np.zeros_like(first), 2, 8, 8), 4: np.zeros_like(first)}
    found = list(segment_video(small_stm, video[:7], first, masks=later, complete=True))
    np.testing.assert_array_equal(found[2], later[2])
    assert not found[4].any()
    partial = list(segment_video(small_stm, video[:7], first, masks=later))
    assert set(np.unique(partial[2])) > {0, 2}
    # The network, by hand: object 1 is remembered absent from frame 2, and looked for again in frame 3.
    with torch.inference_mode():
        one, two, three = (renamed(first, {index: 1}) for index in (1, 2, 3))
        soft = torch.softmax(
            small_stm.segment(as_input(video[1]), *remembered(small_stm, video, {0: [one, two, three]})), dim=1
        )[:, 1:]
        masks = {0: [one, two, three], 1: soft, 2: [later[2] * 0, later[2] > 0, later[2] * 0]}
        keys, values = remembered(small_stm, video, {number: masks[number] for number in (0, 2)})
        logits = small_stm.segment(as_input(video[3]), keys, values)
    assert np.mean(found[3] == logits[0].argmax(dim=0).numpy()) >= 0.999
    assert set(np.unique(found[3])) - {0, 2}


def remembered(stm: STM, video: Array, masks: Mapping[int, Any]) -> tuple[Tensor, Tensor]:
    """Keys and values of some frames: masks of each object, or planes (1, N, H, W)."""
    items = []
    for number, shown in masks.items():
        planes = shown if isinstance(shown, Tensor) else torch.from_numpy(np.stack(shown)).float()[None]
        items.append(stm.memorize(as_input(video[number]), planes))
    keys, values = (torch.stack(parts, dim=3) for parts in zip(*items, strict=True))
    return keys, values


def test_a_network_in_training_mode_is_refused(small_stm: STM, video: Array, first: Array) -> None:
    training = copy.deepcopy(small_stm).train()
    with pytest.raises(VisorVosError, match="training mode"):
        segment_video(training, video, first)


class _Certain:
    """Stands for a network that is certain of its first object wherever it looks, and gives the second 1%."""

    training = False

    def parameters(self) -> Iterator[Tensor]:
        yield torch.zeros(1)

    def memorize(self, frame: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
        item = torch.zeros(1, masks.shape[1], 1, 1, 1)
        return item, item

    def encode_query(self, frame: Tensor) -> Any:
        return type("Query", (), {"key": torch.zeros(1, 1, 1, 1)})()

    def decode(self, query: Any, read_out: Tensor, present: Tensor | None = None) -> Tensor:
        probabilities = torch.tensor([0.999, 0.01]).view(1, 2, 1, 1).expand(1, 2, 16, 16)
        return aggregate(probabilities, present)


def test_corrected_object_leaves_its_pixels_to_the_background() -> None:
    """Where a mask says that object 1 is not, object 2 at 1% is not either."""
    frames = [np.zeros((16, 16, 3), np.uint8)] * 2
    first = box(box(np.zeros((16, 16), np.uint8), 1, 0, 0, 4, 4), 2, 8, 8, 4, 4)
    correction = box(np.zeros((16, 16), np.uint8), 1, 0, 0, 2, 2)
    masks = list(segment_video(_Certain(), frames, first, masks={1: correction}))
    np.testing.assert_array_equal(masks[1], correction)


# ---------------------------------------------------------------------------------------------------------------
# Ids


@pytest.fixture(scope="module")
def masks(small_stm: STM, video: Array, first: Array) -> list[Array]:
    """Of five frames, objects 1, 2 and 3."""
    found = list(segment_video(small_stm, video[:5], first))
    assert {int(index) for labels in found[1:] for index in np.unique(labels)} == {0, 1, 2, 3}
    return found


@settings(max_examples=5, deadline=None)
@given(ids=st.lists(st.integers(1, 255), min_size=3, max_size=3, unique=True))
def test_any_ids_come_back(small_stm: STM, video: Array, first: Array, masks: list[Array], ids: list[int]) -> None:
    names = dict(zip((1, 2, 3), ids, strict=True))
    found = list(segment_video(small_stm, video[:5], renamed(first, names)))
    np.testing.assert_array_equal(found[0], renamed(first, names))
    # The order of objects changes the order of sums, and so the last bit: of two equals either may win.
    agree = np.mean([labels == renamed(other, names) for labels, other in zip(found, masks, strict=True)])
    assert agree >= 0.999


def test_later_ids_may_be_smaller(small_stm: STM, video: Array, first: Array) -> None:
    high = renamed(first, {1: 200, 2: 100, 3: 0})
    later = renamed(first, {3: 7})
    masks = list(segment_video(small_stm, video[:6], high, masks={2: later}))
    assert {int(index) for labels in masks[:2] for index in np.unique(labels)} <= {0, 100, 200}
    assert 7 in np.unique(np.stack(masks[3:]))
    assert {int(index) for labels in masks for index in np.unique(labels)} == {0, 7, 100, 200}


@pytest.mark.parametrize("objects", [[3, 1], range(1, 4), {1, 2, 3}, np.array([1, 2, 3])])
def test_objects_to_track_need_not_be_shown(
    small_stm: STM, video: Array, first: Array, objects: Collection[int]
) -> None:
    only_two = renamed(first, {2: 2})
    masks = list(segment_video(small_stm, video[:2], only_two, objects=objects))
    np.testing.assert_array_equal(masks[0], only_two)
    with torch.inference_mode():
        # Objects 1 and 3 are remembered with empty masks.
        planes = torch.stack([torch.from_numpy(only_two == index) for index in (1, 2, 3)])[None].float()
        key, value = small_stm.memorize(as_input(video[0]), planes)
        logits = small_stm.segment(as_input(video[1]), key.unsqueeze(3), value.unsqueeze(3))
    np.testing.assert_array_equal(masks[1], logits[0].argmax(dim=0).numpy())


def test_video_may_begin_without_objects(small_stm: STM, video: Array, first: Array) -> None:
    blank = np.zeros_like(first)
    found = list(segment_video(small_stm, video[:6], blank, masks={2: first}, every=2))
    assert not np.any(found[:2])
    from_there = segment_video(small_stm, video[2:6], first, every=2)
    for labels, expected in zip(found[2:], from_there, strict=True):
        np.testing.assert_array_equal(labels, expected)


def test_given_masks_are_not_written_to(small_stm: STM, video: Array, first: Array) -> None:
    mask, later = first.copy(), box(np.zeros_like(first), 4, 3, 3)
    masks = list(segment_video(small_stm, video[:3], mask, masks={1: later}))
    for labels in masks:
        labels[:] = 77
    np.testing.assert_array_equal(mask, first)
    np.testing.assert_array_equal(later, box(np.zeros_like(first), 4, 3, 3))


# ---------------------------------------------------------------------------------------------------------------
# Reading


def test_frame_is_read_when_its_mask_is_asked_for(small_stm: STM, video: Array, first: Array) -> None:
    read = []

    def frames() -> Iterator[Array]:
        for number, frame in enumerate(video[:4]):
            read.append(number)
            yield frame

    masks = segment_video(small_stm, frames(), first)
    assert read == []
    for number in range(4):
        next(masks)
        assert read == list(range(number + 1))
    with pytest.raises(StopIteration):
        next(masks)


def test_callers_gradient_mode_is_left_alone_between_masks(small_stm: STM, video: Array, first: Array) -> None:
    for _ in segment_video(small_stm, video[:2], first):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["flipped", "transposed", "read-only", "strided"])
def test_arrays_of_any_layout_are_read(small_stm: STM, video: Array, first: Array, kind: str) -> None:
    def laid_out(array: Array) -> Array:
        if kind == "flipped":  # as OpenCV's BGR is commonly made RGB
            return np.ascontiguousarray(array[::-1, ..., ::-1])[::-1, ..., ::-1]
        if kind == "transposed":
            return np.asfortranarray(array)
        if kind == "strided":
            return np.repeat(array, 2, axis=1)[:, ::2]
        array = array.copy()
        array.setflags(write=False)
        return array

    later = box(np.zeros_like(first), 1, 3, 3)
    expected = segment_video(small_stm, video[:3], first, masks={1: later})
    found = segment_video(small_stm, map(laid_out, video[:3]), laid_out(first), masks={1: laid_out(later)})
    for labels, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(labels, wanted)


def test_one_frame_is_its_own_mask(small_stm: STM, video: Array, first: Array) -> None:
    for memory in ("every", "visor"):
        (mask,) = segment_video(small_stm, video[:1], first, memory=memory)
        np.testing.assert_array_equal(mask, first)
    assert list(segment_video(small_stm, [], first)) == []


# ---------------------------------------------------------------------------------------------------------------
# State


@pytest.mark.parametrize("stop", [1, 2, 4, 7])
def test_restored_segmenter_gives_the_same_masks(small_stm: STM, video: Array, first: Array, stop: int) -> None:
    later = {3: box(np.zeros_like(first), 9, 4, 4)}
    policy = EveryFrames(every=2, limit=2)
    whole, resumed = Segmenter(small_stm, policy, size=32), Segmenter(small_stm, policy, size=32)
    state: dict[str, Tensor] = {}
    for number, frame in enumerate(video[:9]):
        if number == stop:
            state = whole.state()
        expected = whole.step(frame, {0: first, **later}.get(number))
        # The state is taken up only when the other has gone on: it must not have changed since.
        if number == stop + 1:
            resumed.restore(state)
            assert resumed.frames_seen == stop
            assert resumed.object_ids == ([1, 2, 3, 9] if stop > 3 else [1, 2, 3])
            resumed.step(video[stop], later.get(stop))
        if number > stop:
            np.testing.assert_array_equal(resumed.step(frame, later.get(number)), expected)
    assert all(torch.equal(resumed.state()[name], tensor) for name, tensor in whole.state().items())


def test_taking_the_state_changes_nothing(small_stm: STM, video: Array, first: Array) -> None:
    plain, watched = (Segmenter(small_stm, VisorFrames(4)) for _ in range(2))
    for number, frame in enumerate(video[:4]):
        mask = first if number == 0 else None
        np.testing.assert_array_equal(watched.step(frame, mask), plain.step(frame, mask))
        watched.state()


def test_state_before_the_first_frame_and_without_objects(small_stm: STM, video: Array, first: Array) -> None:
    segmenter = Segmenter(small_stm, EveryFrames())
    for expected in (0, 1):
        restored = Segmenter(small_stm, EveryFrames())
        restored.restore(segmenter.state())
        assert restored.frames_seen == expected
        segmenter.step(video[expected])
    np.testing.assert_array_equal(restored.step(video[1], first), first)


def test_restored_segmenter_knows_the_frame_size(small_stm: STM, video: Array, first: Array) -> None:
    segmenter, restored = Segmenter(small_stm, EveryFrames()), Segmenter(small_stm, EveryFrames())
    segmenter.step(video[0], first)
    restored.restore(segmenter.state())
    with pytest.raises(VisorVosError, match="Frame 1 is 60x40, the first was 60x44"):
        restored.step(video[1][:40])


# ---------------------------------------------------------------------------------------------------------------
# Size


def test_logits_and_not_labels_are_brought_to_the_frames_size(small_stm: STM, video: Array, first: Array) -> None:
    found = list(segment_video(small_stm, video[:5], first, every=2, size=16))
    with torch.inference_mode():
        expected = list(plain_propagation(small_stm, video[:5], {0: first}, lambda n, _: n % 2 == 0, 8, size=(16, 22)))
    assert all(labels.shape == first.shape for labels in found)
    np.testing.assert_array_equal(found[0], first)
    assert_same_masks(found, expected, objects=2)
    # Enlarged labels would come in blocks: here borders run through them.
    step = found[1][:, 1:] != found[1][:, :-1]
    assert len(set(np.flatnonzero(step.any(axis=0)))) > 22


@pytest.mark.parametrize(("size", "work"), [(16, (16, 22)), (44, (44, 60)), (-1, (44, 60)), (50, (50, 68))])
def test_frames_are_segmented_at_the_size_asked_for(
    small_stm: STM, video: Array, first: Array, size: int, work: tuple[int, int]
) -> None:
    seen = []
    handle = small_stm.query_encoder.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0].shape[-2:]))
    try:
        masks = list(segment_video(small_stm, video[:2], first, size=size))
    finally:
        handle.remove()
    assert masks[1].shape == (44, 60)
    assert seen == [tuple(-(-side // 16) * 16 for side in work)]


def test_tall_frames_are_measured_by_their_width(small_stm: STM, video: Array, first: Array) -> None:
    masks = segment_video(small_stm, np.swapaxes(video[:2], 1, 2), first.T, size=16)
    assert [labels.shape for labels in masks] == [(60, 44)] * 2


# ---------------------------------------------------------------------------------------------------------------
# Memory


def test_a_long_video_is_remembered_in_few_slots(small_stm: STM) -> None:
    """Frames of 480p's shape made on the fly, at a reduced size: 20 of them take what 9 take."""
    random = np.random.default_rng(0)

    def frame(number: int) -> Array:
        small = random.integers(0, 256, (15, 27, 3), dtype=np.uint8)
        return np.roll(small.repeat(4, axis=0).repeat(4, axis=1)[:, :107], number, axis=1)

    first = np.zeros((60, 107), np.uint8)
    for index in range(4):
        first[12:37, 25 * index : 25 * index + 19] = index + 1
    segmenter = Segmenter(small_stm, EveryFrames(every=2, limit=3), size=16)
    shown = set()
    for number in range(20):
        labels = segmenter.step(frame(number), first if number == 0 else None)
        shown.update(np.unique(labels))
        if number >= 8:
            state = segmenter.state()
            assert len(state["0.0.frames"]) == state["0.0.keys"].shape[1] == state["0.0.values"].shape[1] <= 4
    assert labels.shape == (60, 107)
    assert len(shown) > 2
    assert segmenter.state()["0.0.keys"].shape == (4, 4, 1, 2, 32)
    assert segmenter.state()["0.0.values"].shape == (4, 4, 1, 2, 128)


def test_every_frame_is_encoded_once_and_the_last_is_not_remembered(small_stm: STM, video: Array, first: Array) -> None:
    calls = {"query": 0, "memory": 0}

    def count(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            calls[name] += 1

        return hook

    handles = [
        small_stm.query_encoder.register_forward_hook(count("query")),
        small_stm.memory_encoder.register_forward_hook(count("memory")),
    ]
    try:
        list(segment_video(small_stm, video[:6], first))
    finally:
        for handle in handles:
            handle.remove()
    assert calls == {"query": 5, "memory": 5}


# ---------------------------------------------------------------------------------------------------------------
# Errors


def refused(raised: pytest.ExceptionInfo[VisorVosError], *words: str) -> None:
    assert all(word in raised.value.message for word in words), raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda frame: frame[:-1], ("Frame 2", "60x43", "60x44")),
        (lambda frame: frame.transpose(1, 0, 2), ("Frame 2", "44x60", "60x44")),
        (lambda frame: frame.astype(np.float32) / 255, ("Frame 2", "float32")),
        (lambda frame: frame.astype(np.int16), ("Frame 2", "int16")),
        (lambda frame: frame[..., 0], ("Frame 2", "(44, 60)")),
        (lambda frame: np.concatenate((frame, frame[..., :1]), axis=2), ("Frame 2", "(44, 60, 4)")),
    ],
)
def test_bad_frame_is_named_after_good_masks(
    small_stm: STM, video: Array, first: Array, change: Callable[[Array], Array], words: tuple[str, ...]
) -> None:
    masks = segment_video(small_stm, [video[0], video[1], change(video[2])], first)
    assert next(masks).shape == next(masks).shape == (44, 60)
    with pytest.raises(VisorVosError) as raised:
        next(masks)
    refused(raised, *words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mask: mask[:, :-1], ("(44, 59)", "(44, 60)")),
        (lambda mask: mask.T, ("(60, 44)", "(44, 60)")),
        (lambda mask: mask.astype(np.int64), ("int64",)),
        (lambda mask: mask > 0, ("bool",)),
        (lambda mask: mask[..., None], ("(44, 60, 1)",)),
    ],
)
@pytest.mark.parametrize("at", [0, 1])
def test_bad_mask_is_named(
    small_stm: STM, video: Array, first: Array, change: Callable[[Array], Array], words: tuple[str, ...], at: int
) -> None:
    later = {} if at == 0 else {1: change(first)}
    masks = segment_video(small_stm, video[:3], change(first) if at == 0 else first, masks=later)
    with pytest.raises(VisorVosError) as raised:
        list(masks)
    refused(raised, f"mask of frame {at}", *words)


BAD_CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "visor without a length": ({"memory": "visor", "frames": iter(())}, "how many frames"),
    "first mask twice": ({"masks": {0: np.ones((44, 60), np.uint8)}}, "frame 0"),
    "no objects": ({"first_mask": np.zeros((44, 60), np.uint8)}, "no object"),
    "no objects, none asked for": ({"first_mask": np.zeros((44, 60), np.uint8), "objects": []}, "no object"),
    "unknown memory": ({"memory": "evry"}, "evry"),
    "every 0": ({"every": 0}, "every"),
    "limit 0": ({"limit": 0}, "limit"),
    "size 0": ({"size": 0}, "size"),
    "size -2": ({"size": -2}, "size"),
    "no scales": ({"scales": ()}, "scales"),
    "scale 0": ({"scales": (1.0, 0.0)}, "scales"),
    "object 0": ({"objects": [0, 1]}, "0"),
    "object 256": ({"objects": [1, 256]}, "256"),
}


@pytest.mark.parametrize(("options", "word"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_bad_call_is_refused_at_once(
    small_stm: STM, video: Array, first: Array, options: dict[str, Any], word: str
) -> None:
    call: dict[str, Any] = {"frames": video[:2], "first_mask": first} | options
    with pytest.raises(VisorVosError) as raised:
        segment_video(small_stm, **call)
    refused(raised, word)


def test_length_is_not_needed_by_every(small_stm: STM, video: Array, first: Array) -> None:
    found = list(segment_video(small_stm, iter(video[:3]), first))
    for labels, expected in zip(found, segment_video(small_stm, list(video[:3]), first), strict=True):
        np.testing.assert_array_equal(labels, expected)


def test_error_leaves_the_segmenter_where_it_was(small_stm: STM, video: Array, first: Array) -> None:
    segmenter, plain = Segmenter(small_stm, EveryFrames()), Segmenter(small_stm, EveryFrames())
    for number in range(4):
        with pytest.raises(VisorVosError):
            segmenter.step(video[number].astype(np.float64))
        mask = first if number == 0 else None
        np.testing.assert_array_equal(segmenter.step(video[number], mask), plain.step(video[number], mask))


def test_moving_on_changes_masks(masks: list[Array]) -> None:
    """The example is no still: what the other tests compare differs from frame to frame."""
    assert all((labels != later).any() for labels, later in pairwise(masks))
