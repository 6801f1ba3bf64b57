"""Which past frames to remember beside the previous one, which always is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["EveryFrames", "MemoryPolicy", "VisorFrames", "least_missed"]


class MemoryPolicy(Protocol):
    """Decides about frames by number. The first frame of an object is remembered whatever the policy."""

    @property
    def limit(self) -> int:
        """How many frames are remembered at most, the previous one not counted."""

    def is_due(self, frame: int, given: bool) -> bool:
        """Whether a frame is to be remembered; ``given``: its mask came from outside."""


@dataclass(frozen=True)
class EveryFrames:
    """Every k-th frame and those with a given mask, at most ``limit``: the first, the newest, an even spread."""

    every: int = 5
    limit: int = 8

    def is_due(self, frame: int, given: bool) -> bool:
        return given or frame % self.every == 0


@dataclass(frozen=True)
class VisorFrames:
    """The VISOR evaluation protocol: frames 0, N/3 and 2N/3 of N, rounded half to even."""

    length: int
    limit: int = 3

    def is_due(self, frame: int, given: bool) -> bool:
        return frame in (0, round(self.length / 3), round(2 * self.length / 3))


def least_missed(frames: Sequence[int]) -> int:
    """The place of the frame whose loss keeps the rest most evenly spread; never the first or the last.

    Args:
        frames: at least three frame numbers, ascending.

    Returns:
        An index into ``frames``; of equals the oldest, so that the recent past stays finer.
    """
    return min(range(1, len(frames) - 1), key=lambda place: frames[place + 1] - frames[place - 1])
