"""Propagation from any frame of a video, in either direction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from visorvos.core.inference.policy import GIVEN_LIMIT, choose_policy
from visorvos.core.inference.segmenter import Segmenter
from visorvos.core.network.stm import STM
from visorvos.core.spread import evenly
from visorvos.errors import VisorVosError


class Frames(Protocol):
    """Frames by number: a list, or anything that reads a frame when it is indexed."""

    def __getitem__(self, number: int, /) -> NDArray[np.uint8]: ...


def propagate(
    stm: STM,
    frames: Frames,
    masks: Mapping[int, NDArray[np.uint8]],
    given: Collection[int],
    start: int,
    stop: int,
    every: int = 5,
    limit: int = 8,
    size: int = -1,
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Finds the objects of known masks in the frames from ``start`` to ``stop``, backward where ``stop < start``.

    The memory is rebuilt from known masks: the frame before ``start``, an even spread of at most ``limit`` frames
    before it, and up to 16 given frames on either side (*before* is in the direction of propagation). From there on
    it is that of `segment_video` with ``memory="every"``. The masks differ a little from those of an unbroken run,
    since that remembers the soft predictions of the network, and known masks are hard.

    Args:
        stm: the network, in evaluation mode, on the device and in the precision to compute with.
        frames: uint8 (H, W, 3) RGB by number, all of one size; each is read when it is needed.
        masks: known masks by frame number: uint8 (H, W), ids 1..255, complete (what they do not show is absent).
            Objects first shown at or after ``start`` are not searched for before that frame.
        given: numbers of those masks that are certain, such as drawn ones. They are returned as they are and always
            remembered. May grow while the generator runs.
        start: the first frame to segment.
        stop: the last frame to segment, included.
        every: remember every k-th frame.
        limit: maximum frames in memory beside the previous one and the given ones.
        size: short side in pixels at which frames are segmented, -1: their own.

    Returns:
        A generator of frame numbers and their uint8 (H, W) masks, from ``start`` to ``stop``.

    Raises:
        VisorVosError: where no mask at or before ``start`` is known; see also `segment_video`.
    """
    direction = -1 if stop < start else 1
    before = sorted((number for number in masks if (start - number) * direction > 0), key=lambda n: n * direction)
    if not before and start not in given:
        side = "after" if direction < 0 else "before"
        raise VisorVosError(
            f"There is no mask of frame {start} or of one {side} it to propagate from.",
            f"Draw or choose a mask, and start at its frame or {'before' if direction < 0 else 'after'} it.",
        )
    segmenter = Segmenter(stm, choose_policy("every", every, limit), size)

    def numbered_masks() -> Iterator[tuple[int, NDArray[np.uint8]]]:
        # A copy, made at once: another thread may add to the set.
        _rebuild(segmenter, frames, masks, before, [number for number in tuple(given) if number != start])
        for number in range(start, stop + direction, direction):
            mask = masks[number] if number in given else None
            yield number, segmenter.step(frames[number], mask, complete=True, number=number)

    return numbered_masks()


def _rebuild(
    segmenter: Segmenter,
    frames: Frames,
    masks: Mapping[int, NDArray[np.uint8]],
    before: list[int],
    given: Collection[int],
) -> None:
    """Fills the memory of a new segmenter.

    Args:
        segmenter: the segmenter.
        frames, masks: as of `propagate`.
        before: the frames with known masks before the first to be segmented, in the order of propagation.
        given: the frames with given masks, but for the first to be segmented.
    """
    ordered = sorted(given)
    marked = {ordered[index] for index in evenly(len(ordered), GIVEN_LIMIT)}
    spread = {before[index] for index in evenly(len(before) - 1, segmenter.policy.limit)}
    spread.update(number for number in before[-1:] if segmenter.policy.adds(number, number in given))
    for number in before:
        if number in spread | marked:
            segmenter.remember(number, frames[number], masks[number], keep=True, given=number in marked)
    for number in sorted(marked - set(before)):
        # Objects that enter later are not searched for yet.
        known = np.where(np.isin(masks[number], segmenter.object_ids), masks[number], 0).astype(np.uint8)
        segmenter.remember(number, frames[number], known, keep=True, given=True)
    for number in set(before[-1:]) - spread - marked:
        segmenter.remember(number, frames[number], masks[number], keep=False, given=False)
