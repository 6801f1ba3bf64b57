"""Worker processes: work spread over them, with results as they become ready."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import cv2

from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.errors import VisorVosError

__all__ = ["WorkerPool", "start_worker", "usable_cores"]

T = TypeVar("T")
R = TypeVar("R")

_TASKS_PER_WORKER = 3
"""Submitted at a time: enough that no process idles, few enough to take little memory."""


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class WorkerPool:
    """Processes that apply functions to items; a context manager.

    Processes are spawned, not forked: a fork after torch or OpenCV have started threads may hang. They end with
    the process that started them, even if that one is killed.

    Args:
        workers: number of processes; 0 is one per core. With 1 the work is done in this process.
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
        """Results in the order in which they become ready; items are taken a little ahead.

        Args:
            function: a function at the top level of a module.
            items: its arguments; must pickle.

        Raises:
            VisorVosError: whatever the function raises, or if a process was killed.
        """
        if self._executor is None:
            yield from map(function, items)
            return
        waiting: set[Future[R]] = set()
        try:
            for item in items:
                waiting.add(self._executor.submit(function, item))
                while len(waiting) >= _TASKS_PER_WORKER * self.workers:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool as error:
            raise VisorVosError(
                "A worker process was killed or crashed, perhaps because memory ran out.",
                "Run the command again with fewer --workers, which take less memory.",
            ) from error


def start_worker() -> None:
    """Prepares a process that multiprocessing started; it then ends with the process that started it."""
    # The processes are the parallelism: threads of OpenCV would only compete with them.
    cv2.setNumThreads(1)
    keep_freed_memory()
    # Ctrl-C reaches the whole group; the parent is the one to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent has ended: a killed parent cannot stop its workers."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)
