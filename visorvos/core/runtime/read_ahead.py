"""Files read and written in threads while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
_MAX_PENDING = 8
_END = object()


def read_ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """Yields the items while the next one is made in a thread; an error is raised in its item's place."""
    source = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as thread:
        future = thread.submit(next, source, _END)
        while (item := future.result()) is not _END:
            future = thread.submit(next, source, _END)
            yield item  # type: ignore[misc]  # not the end marker


class BackgroundCalls:
    """Calls made one after the other in a thread of their own; see `write_behind`."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread
        self._pending: deque[Future[object]] = deque()

    def __call__(self, function: Callable[..., object], *arguments: object) -> None:
        """Schedules a call. Waits while too many are pending; raises what an earlier call raised."""
        self._pending.append(self._thread.submit(function, *arguments))
        if len(self._pending) > _MAX_PENDING:
            self._pending.popleft().result()

    def wait(self) -> None:
        """Returns when all calls are done; raises what one of them raised."""
        while self._pending:
            self._pending.popleft().result()


@contextmanager
def write_behind() -> Iterator[BackgroundCalls]:
    """Calls scheduled in the block are done at its end, even if an error ends it."""
    with ThreadPoolExecutor(1, "write-behind") as thread:
        calls = BackgroundCalls(thread)
        yield calls
        calls.wait()
