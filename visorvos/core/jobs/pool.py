"""Work spread over processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import TypeVar

import cv2

from visorvos.errors import VisorVosError

__all__ = ["map_in_processes"]

T = TypeVar("T")
R = TypeVar("R")


def map_in_processes(work: Callable[[T], R], items: Sequence[T], workers: int) -> Iterator[R]:
    """``work`` on every item, results in order; the first error ends it all.

    Args:
        work: a function of a module's top level.
        items: what to work on.
        workers: processes; 0 is one for each core, 1 is this one.

    Raises:
        VisorVosError: where a process dies; and whatever ``work`` raises.
    """
    processes = min(workers or _cores(), len(items))
    if processes <= 1:
        yield from map(work, items)
        return
    # Spawned, not forked: a fork of a process that has used torch or OpenCV's threads may hang.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,))
    try:
        yield from pool.map(work, items)
    except BrokenProcessPool as error:
        raise VisorVosError(
            "A worker process died, perhaps for want of memory.", "Try again with fewer --workers."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    """The cores that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
