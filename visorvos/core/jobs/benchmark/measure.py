"""Time and peak memory of workloads, each in its own process."""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from visorvos.core.runtime.worker_pool import start_worker
from visorvos.errors import VisorVosError

__all__ = ["Measured", "measure"]

Work = Callable[[], None]


class Measured(NamedTuple):
    """Cost of one workload."""

    seconds: tuple[float, ...]
    """Duration of each turn."""
    peak_bytes: int
    """Peak memory of the largest process; on a CUDA device, that of the tensors there. 0 where it is unknown."""


def measure(
    workloads: Mapping[str, Callable[[], Work]], repeats: int, start: Callable[[], None] = start_worker
) -> dict[str, Measured]:
    """Measures workloads that take turns, so that whatever else the machine does affects all of them.

    Args:
        workloads: by name. Each prepares the work in its process and returns a function that does it once; it is
            pickled, such as a `functools.partial` of a module-level function.
        repeats: turns of each one, after one that is not counted.
        start: called first in each process.

    Raises:
        VisorVosError: raised by a workload, or when its process ended.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pools = {name: stack.enter_context(ProcessPoolExecutor(1, context, start)) for name in workloads}
        try:
            turns = [
                {name: pool.submit(_turn, workloads[name]).result() for name, pool in pools.items()}
                for _ in range(repeats + 1)
            ]
        except BrokenProcessPool as error:
            raise VisorVosError(
                "A process that was being measured ended early, probably because memory ran out.",
                "Measure less with --only, --objects or --backbone.",
            ) from error
    return {n: Measured(tuple(turn[n][0] for turn in turns[1:]), turns[-1][n][1]) for n in workloads}


_made: list[Work] = []
"""The work of this process, once prepared."""


def _turn(workload: Callable[[], Work]) -> tuple[float, int]:
    """Does the work once in this process: seconds, and peak memory so far in bytes."""
    if not _made:
        _made.append(workload())
    began = time.perf_counter()
    _made[0]()
    return time.perf_counter() - began, _peak_bytes()


def _peak_bytes() -> int:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    status = Path("/proc/self/status")
    if status.is_file():
        # Linux's ru_maxrss includes the process that started this one, VmHWM does not.
        own = int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return max(own, children)
