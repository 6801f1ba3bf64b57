"""Memory policies: which past frames stay in memory besides the previous one, which is always there.

To add one, write its class and add an entry to `POLICIES`: the options of ``predict`` and ``evaluate`` follow from it.
Nothing here imports torch: the settings take the names from this table, and ``--help`` must stay fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from visorvos.errors import VisorVosError

GIVEN_LIMIT = 16
"""Maximum frames with a given mask that `EveryFrames` remembers in addition to its limit."""


class MemoryPolicy(Protocol):
    """Decides which frames are added to the memory and which are dropped.

    Whatever the policy, an object's memory begins with the first frame that has its mask.
    """

    @property
    def limit(self) -> int:
        """Maximum frames in memory, the previous frame and frames with a given mask not counted."""

    def adds(self, frame: int, given: bool) -> bool:
        """Whether a frame stays in memory when the next one comes.

        Args:
            frame: its number.
            given: whether its mask was given, not predicted.
        """

    def drops(self, frames: Sequence[int], given: Sequence[bool]) -> int | None:
        """Index of a frame to forget, or None where all fit.

        Args:
            frames: the numbers of all frames that an object remembers, its first one first, the one just added last.
            given: for each of them, whether its mask was given.
        """


@dataclass(frozen=True)
class EveryFrames:
    """Every k-th frame, at most ``limit``, and beside them up to `GIVEN_LIMIT` frames with a given mask.

    The object's first frame counts as one of the ``limit`` and is never dropped; nor is the newest. Those between
    stay evenly spread. Frames with a given mask are dropped only to make room for more of their kind.
    """

    every: int = 5
    limit: int = 8

    def adds(self, frame: int, given: bool) -> bool:
        return given or frame % self.every == 0

    def drops(self, frames: Sequence[int], given: Sequence[bool]) -> int | None:
        regular = [index for index in range(len(frames)) if index == 0 or not given[index]]
        if len(regular) > self.limit:
            return _least_needed(frames, regular) if self.limit > 1 else regular[-1]
        marked = [index for index in range(1, len(frames)) if given[index]]
        if len(marked) > GIVEN_LIMIT:
            return _least_needed(frames, sorted(marked, key=frames.__getitem__))
        return None


@dataclass(frozen=True)
class VisorFrames:
    """The VISOR evaluation protocol: frames 0, N/3 and 2N/3 of N, rounded half to even. Nothing is dropped."""

    length: int
    limit: int = 3

    def adds(self, frame: int, given: bool) -> bool:
        return frame in (0, round(self.length / 3), round(2 * self.length / 3))

    def drops(self, frames: Sequence[int], given: Sequence[bool]) -> int | None:
        return None


def _visor_frames(every: int, limit: int, count: Callable[[], int | None]) -> VisorFrames:
    length = count()
    if length is None:
        raise VisorVosError(
            'With memory="visor" it must be known how many frames there are.',
            'Pass the frames as a sequence, or memory="every".',
        )
    return VisorFrames(length)


POLICIES: dict[str, tuple[str, Callable[[int, int, Callable[[], int | None]], MemoryPolicy]]] = {
    "every": ("every K-th (--mem-every)", lambda every, limit, count: EveryFrames(every, limit)),
    "visor": ("those of the VISOR evaluation protocol", _visor_frames),
}
"""By name, for ``--memory``: what the help says, and a function of ``every``, ``limit`` and ``count``."""

if TYPE_CHECKING:
    MemoryName = str
else:
    MemoryName = Literal[tuple(POLICIES)]
    """The type of an option that takes a memory policy."""


def choose_policy(
    memory: MemoryName, every: int, limit: int, count: Callable[[], int | None] = lambda: None
) -> MemoryPolicy:
    """The memory policy of that name.

    Args:
        memory: a name from `POLICIES`.
        every, limit: for "every": remember every k-th frame, at most ``limit``.
        count: for "visor": the number of frames, or None where it is unknown; called only if it is needed.

    Raises:
        VisorVosError: for an unknown name, a number below 1, or "visor" without a length.
    """
    if memory not in POLICIES:
        names = " or ".join(f'"{name}"' for name in POLICIES)
        raise VisorVosError(f"memory must be {names}, got {memory!r}.", 'Pass memory="every".')
    if every < 1 or limit < 1:
        raise VisorVosError(
            f"every and limit must be 1 or more, got every={every}, limit={limit}.", "Leave them out: 5 and 8."
        )
    return POLICIES[memory][1](every, limit, count)


def _least_needed(frames: Sequence[int], candidates: Sequence[int]) -> int:
    """Of indices into ``frames``, at least three in order of time, the one whose frame leaves the smallest gap.

    Never the first or the last; of equal gaps the oldest, so that the recent past stays finer.
    """
    gaps = {
        candidates[place]: abs(frames[candidates[place + 1]] - frames[candidates[place - 1]])
        for place in range(1, len(candidates) - 1)
    }
    return min(gaps, key=gaps.__getitem__)
