"""Progress of jobs: what they report, and to whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

T = TypeVar("T")


class Bar(Protocol):
    """Counts what a job has done."""

    def advance(self, amount: int, note: str = "") -> None:
        """Adds to the count; ``note`` is shown beside it."""


class Progress(Protocol):
    """What a running job reports to."""

    def say(self, message: str) -> None:
        """Shows one line to the user."""

    def announce(self, line: str) -> None:
        """One line of the result that is needed before the job ends."""

    def track(self, items: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
        """Yields the items and counts them in ``unit``."""

    def bar(self, description: str, unit: str, total: int, done: int = 0) -> AbstractContextManager[Bar]:
        """A bar that counts up to ``total``, starting at ``done``."""


class NoProgress:
    """Shows nothing: the default of the library."""

    def say(self, message: str) -> None:
        pass

    def announce(self, line: str) -> None:
        pass

    def track(self, items: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
        yield from items

    @contextmanager
    def bar(self, description: str, unit: str, total: int, done: int = 0) -> Iterator[Bar]:
        yield self

    def advance(self, amount: int, note: str = "") -> None:
        pass
