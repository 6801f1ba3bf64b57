"""What a session knows about the masks of its frames without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

Runs = list[tuple[int, int]]
"""Frame numbers as [first, last] pairs, both included: short for a video of ten thousand frames."""


class KnownFrames:
    """Sets of frame numbers. A frame without a mask is in none of them."""

    def __init__(self) -> None:
        self.shown: dict[int, frozenset[int]] = {}
        """Object ids that each mask shows."""
        self.given: set[int] = set()
        """Masks that a person drew or confirmed."""
        self.stale: set[int] = set()
        """Propagated masks that follow from a mask that was changed since."""
        self.backward: set[int] = set()
        """Masks that were propagated from a later frame."""

    def note(self, number: int, ids: Iterable[int], given: bool, backward: bool = False, stale: bool = False) -> None:
        """Notes a frame's new mask."""
        self.shown[number] = frozenset(ids)
        for numbers, is_in in ((self.given, given), (self.backward, backward), (self.stale, stale)):
            (numbers.add if is_in else numbers.discard)(number)

    def forget(self, number: int) -> None:
        """Notes that a frame has no mask any more."""
        self.note(number, (), given=False)
        del self.shown[number]

    def outdate_neighbors(self, number: int) -> None:
        """Marks the masks that follow from a frame's mask as stale, up to the next given one on each side."""
        for step in (1, -1):
            for other in count(number + step, step):
                if other not in self.shown or other in self.given:
                    break
                if (other in self.backward) == (step < 0):
                    self.stale.add(other)

    def showing(self, index: int, start: int = 0) -> list[int]:
        """Frames from ``start`` on whose masks show an object, in ascending order."""
        return sorted(number for number, ids in self.shown.items() if number >= start and index in ids)

    def presence(self, objects: Iterable[int]) -> dict[int, Runs]:
        """Frames that show each object, by its id."""
        frames: dict[int, list[int]] = {index: [] for index in objects}
        for number, ids in self.shown.items():
            for index in ids:
                frames.setdefault(index, []).append(number)
        return {index: to_runs(numbers) for index, numbers in frames.items()}


def to_runs(numbers: Iterable[int]) -> Runs:
    """Runs of consecutive numbers in ascending order."""
    runs: Runs = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs


def from_runs(runs: Iterable[tuple[int, int]]) -> set[int]:
    """The numbers of some runs."""
    return {number for first, last in runs for number in range(first, last + 1)}
