"""Files read and written in threads while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["BackgroundCalls", "read_ahead", "write_behind"]

T = TypeVar("T")
_MOST_PENDING = 8
_END = object()


def read_ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """Hands items on, each next one being made meanwhile; an error comes where the item would have."""
    source = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        coming = thread.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, source, _END)
            yield item  # type: ignore[misc]  # what next() gives, but for the end


class BackgroundCalls:
    """Calls that are made in their order, in a thread of their own; from `write_behind`."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._pending: deque[Future[object]] = deque()

    def __call__(self, function: Callable[..., object], *given: object) -> None:
        """Has it called; waits where too many are still to be made, and raises what an earlier one raised."""
        self._pending.append(self._thread.submit(function, *given))
        if len(self._pending) > _MOST_PENDING:
            self._pending.popleft().result()

    def wait(self) -> None:
        """Returns when all are made; raises what one of them raised."""
        while self._pending:
            self._pending.popleft().result()


@contextmanager
def write_behind() -> Iterator[BackgroundCalls]:
    """What is handed over in the block is done at its end, whatever ends it."""
    with ThreadPoolExecutor(1, "write-behind") as thread:
        behind = BackgroundCalls(thread)
        yield behind
        behind.wait()
