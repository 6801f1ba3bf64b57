"""How jobs tell of their progress, whoever listens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeVar

__all__ = ["Bar", "NoProgress", "Progress"]

T = TypeVar("T")


class Bar(Protocol):
    """Counts what a job has done."""

    def advance(self, amount: int, note: str = "") -> None:
        """So much more is done; ``note`` stands beside the count."""


class Progress(Protocol):
    """A listener to a running job."""

    def say(self, message: str) -> None:
        """One line that the user should read."""

    def announce(self, line: str) -> None:
        """One line of the result that is needed before the job ends."""

    def track(self, items: Iterable[T], description: str, unit: str, total: int | None = None) -> Iterator[T]:
        """Hands the items on, counting them in ``unit``."""

    def bar(self, description: str, unit: str, total: int, done: int = 0) -> AbstractContextManager[Bar]:
        """Counts up to ``total``, of which ``done`` were done before."""


class NoProgress:
    """Listens to nothing: the default of the library."""

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
