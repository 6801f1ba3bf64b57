from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from tests.builders import as_input, golden, planes
from visorvos import STM, segment_video
from visorvos.core.inference.policy import EveryFrames
from visorvos.core.inference.segmenter import Segmenter

Array = NDArray[np.uint8]
SIZE = (44, 60)


@pytest.fixture(scope="module")
def video() -> Array:
    """Frames in which the network with fixed weights keeps three objects: (6, 44, 60, 3)."""
    return golden("propagation_resnet18")["frames"][:6, 14:58, 20:80].copy()


@pytest.fixture(scope="module")
def first(video: Array) -> Array:
    return golden("propagation_resnet18")["first_label"][14:58, 20:80].copy()


def resized(image: Tensor, size: Sequence[int]) -> Tensor:
    return interpolate(image, tuple(size), mode="bilinear", align_corners=False, antialias=True)


def turned(plane: Tensor, mirrored: bool) -> Tensor:
    return torch.from_numpy(plane.numpy()[..., ::-1].copy()) if mirrored else plane


def plain_views(
    stm: STM, video: Array, first: Array, views: Sequence[tuple[tuple[int, int], bool]]
) -> Iterator[tuple[Array, NDArray[np.float64]]]:
    """For each frame its labels and the lead of the likeliest: each view's frames and masks are resized and mirrored
    by hand, all of them are remembered, and the logits are averaged at the largest size."""
    memory: list[list[tuple[Tensor, Tensor]]] = [[] for _ in views]
    largest = max(size for size, _ in views)
    hard = planes(first, 3)
    soft = [interpolate(hard, size, mode="nearest-exact") for size, _ in views]
    yield first, np.full(first.shape, np.inf)
    for number in range(1, len(video)):
        logits = []
        for (size, mirrored), known, seen in zip(views, memory, soft, strict=True):
            before, now = (turned(resized(as_input(video[n]), size), mirrored) for n in (number - 1, number))
            known.append(stm.memorize(before, turned(seen, mirrored)))
            keys, values = (torch.stack(parts, dim=3) for parts in zip(*known, strict=True))
            logits.append(resized(turned(stm.segment(now, keys, values), mirrored), largest))
        mean = sum(logits[1:], logits[0]) / len(logits)
        soft = [resized(torch.softmax(mean, dim=1)[:, 1:], size) for size, _ in views]
        full = interpolate(mean, first.shape, mode="bilinear", align_corners=False)[0]
        ranked = full.sort(dim=0, descending=True).values.double().numpy()
        yield full.argmax(dim=0).to(torch.uint8).numpy(), ranked[0] - ranked[1]


VIEWS: dict[str, tuple[dict[str, Any], list[tuple[tuple[int, int], bool]]]] = {
    "flip": ({"flip": True}, [(SIZE, False), (SIZE, True)]),
    "scales": ({"scales": (1.0, 1.5)}, [(SIZE, False), ((66, 90), False)]),
    "one scale": ({"scales": (0.5,)}, [((22, 30), False)]),
    "scales of a size": ({"scales": (1.0, 2.0), "size": 22}, [((22, 30), False), (SIZE, False)]),
    "both": (
        {"flip": True, "scales": (1.5, 1.0)},
        [((66, 90), False), ((66, 90), True), (SIZE, False), (SIZE, True)],
    ),
}


@pytest.fixture(scope="module")
def one_view(small_stm: STM, video: Array, first: Array) -> list[Array]:
    """The masks of four frames without further views."""
    return list(segment_video(small_stm, video[:4], first, every=1))


@pytest.mark.parametrize("case", VIEWS)
def test_views_are_those_made_by_hand(
    small_stm: STM, video: Array, first: Array, one_view: list[Array], case: str
) -> None:
    options, views = VIEWS[case]
    video = video[:4]
    found = list(segment_video(small_stm, video, first, every=1, **options))
    with torch.inference_mode():
        expected = list(plain_views(small_stm, video, first, views))
    for number, (labels, (wanted, lead)) in enumerate(zip(found, expected, strict=True)):
        differ = (labels != wanted) & (lead > 1e-3)
        assert not differ.any(), f"frame {number}: {differ.sum()} pixels"
    assert any((labels != other).any() for labels, other in zip(found, one_view, strict=True))


def test_a_symmetric_video_has_symmetric_masks_with_flip(small_stm: STM, video: Array, first: Array) -> None:
    half = np.where(first == 1, first, 0)[:, :30].astype(np.uint8)
    frames = [np.concatenate((frame[:, :30], frame[:, 29::-1]), axis=1) for frame in video]
    mask = np.concatenate((half, half[:, ::-1]), axis=1)
    found = list(segment_video(small_stm, frames, mask, flip=True))
    for labels in found:
        np.testing.assert_array_equal(labels, labels[:, ::-1])
    assert any((labels != mask).any() for labels in found)


def test_a_mirrored_video_has_mirrored_masks_with_flip(small_stm: STM, video: Array, first: Array) -> None:
    found = segment_video(small_stm, video, first, flip=True)
    mirrored = segment_video(small_stm, [frame[:, ::-1] for frame in video], first[:, ::-1], flip=True)
    agree = [np.mean(labels == other[:, ::-1]) for labels, other in zip(found, mirrored, strict=True)]
    assert min(agree) >= 0.999


def test_later_masks_are_seen_by_every_view(small_stm: STM, video: Array, first: Array) -> None:
    """Where every mask is complete, the frame after it follows from the masks alone: here from those of 0, 2 and 3."""
    later = {2: np.roll(first, 8, axis=1), 3: np.roll(first, 12, axis=1)}
    options: dict[str, Any] = {"flip": True, "scales": (1.0, 1.5), "limit": 1, "memory": "every", "every": 99}
    found = list(segment_video(small_stm, video[:5], first, masks=later, complete=True, **options))
    np.testing.assert_array_equal(found[2], later[2])
    np.testing.assert_array_equal(found[3], later[3])
    logits = []
    with torch.inference_mode():
        for size, mirrored in VIEWS["both"][1]:
            known = []
            for number, labels in {0: first, **later}.items():
                seen = interpolate(planes(labels, 3), size, mode="nearest-exact")
                frame = turned(resized(as_input(video[number]), size), mirrored)
                known.append(small_stm.memorize(frame, turned(seen, mirrored)))
            keys, values = (torch.stack(parts, dim=3) for parts in zip(*known, strict=True))
            now = turned(resized(as_input(video[4]), size), mirrored)
            logits.append(resized(turned(small_stm.segment(now, keys, values), mirrored), (66, 90)))
        mean = torch.stack(logits).mean(dim=0)
        full = interpolate(mean, first.shape, mode="bilinear", align_corners=False)[0]
    lead = full.sort(dim=0, descending=True).values
    differ = (full.argmax(dim=0).numpy() != found[4]) & (lead[0] - lead[1] > 1e-3).numpy()
    assert not differ.any(), f"{differ.sum()} pixels"


def test_views_are_restored(small_stm: STM, video: Array, first: Array) -> None:
    options: dict[str, Any] = {"flip": True, "scales": (1.0, 0.5)}
    whole = Segmenter(small_stm, EveryFrames(every=2, limit=2), **options)
    resumed = Segmenter(small_stm, EveryFrames(every=2, limit=2), **options)
    for number, frame in enumerate(video[:3]):
        whole.step(frame, first if number == 0 else None)
    resumed.restore(whole.state())
    for frame in video[3:]:
        np.testing.assert_array_equal(resumed.step(frame), whole.step(frame))
