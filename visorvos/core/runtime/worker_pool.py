"""Long work spread over processes, with results as they come."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from visorvos.core.runtime.worker_process import start_worker
from visorvos.errors import VisorVosError

__all__ = ["WorkerPool", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 3
"""Tasks in waiting for each process: enough that none idles, few enough that they take little memory."""


def usable_cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """Processes that apply functions to items; a context manager.

    Processes are spawned, not forked: a fork after torch or OpenCV have started threads may hang. They end with
    the process that started them, even where that one is killed.

    Args:
        workers: number of processes; 0 is one for each core. With 1 the work is done in this process.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers or usable_cores()
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> WorkerPool:
        if self.workers > 1:
            self._executor = ProcessPoolExecutor(
                self.workers, mp_context=multiprocessing.get_context("spawn"), initializer=start_worker
            )
        return self

    def __exit__(self, *exception: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def spread(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Results in the order in which they become ready; items are asked for a little ahead.

        Args:
            function: of a module's top level.
            items: what it is applied to; must pickle.

        Raises:
            VisorVosError: what the function raises, or where a process was killed.
        """
        if self._executor is None:
            yield from map(function, items)
            return
        waiting: set[Future[R]] = set()
        try:
            for item in items:
                waiting.add(self._executor.submit(function, item))
                while len(waiting) >= _AHEAD * self.workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise VisorVosError(
                "A worker process ended before its work was done, perhaps for want of memory.",
                "Start the command again; with fewer --workers it takes less memory.",
            ) from error
