"""Progress of jobs: what they report, and to whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


Advance = Callable[[int, str], object]
"""Adds to the count of a bar, and shows a note beside it."""


class Progress:
    """What a running job reports to. This one shows nothing: the default of the library."""

    def say(self, message: str) -> None:
        """Shows one line to the user."""

    def announce(self, line: str) -> None:
        """One line of the result that is needed before the job ends."""

    def track(self, items: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
        """Yields the items and counts them in ``unit`` on a bar."""
        with self.bar(description, unit, total) as advance:
            for item in items:
                yield item
                advance(1, "")

    @contextmanager
    def bar(self, description: str, unit: str, total: int | None, done: int = 0) -> Iterator[Advance]:
        """A bar that counts up to ``total``, starting at ``done``."""
        yield lambda amount, note: None
