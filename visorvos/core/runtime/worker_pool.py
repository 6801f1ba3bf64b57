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

T = TypeVar("T")
R = TypeVar("R")

_TASKS_PER_WORKER = 3
"""Submitted at a time: enough that no process idles, few enough to take little memory."""


def usable_cores() -> int:
    """The number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(function: Callable[[T], R], items: Iterable[T], workers: int) -> Iterator[R]:
    """Results in the order in which they become ready; items are taken a little ahead.

    Processes are spawned, not forked: a fork after torch or OpenCV have started threads may hang. They end with
    the process that started them, even if that one is killed.

    Args:
        function: a function at the top level of a module.
        items: its arguments; must pickle.
        workers: number of processes; 0 is one per core. With 1 the work is done in this process.

    Raises:
        VisorVosError: whatever the function raises, or if a process was killed.
    """
    workers = workers or usable_cores()
    if workers == 1:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), start_worker)
    waiting: set[Future[R]] = set()
    try:
        for item in items:
            waiting.add(pool.submit(function, item))
            while len(waiting) >= _TASKS_PER_WORKER * workers:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    except BrokenProcessPool as error:
        raise VisorVosError(
            "A worker process was killed or crashed, perhaps because memory ran out.",
            "Run the command again with fewer --num-workers, which take less memory.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def start_worker(_number: int = 0) -> None:
    """Prepares a process that multiprocessing or PyTorch started; it then ends with the process that started it."""
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
