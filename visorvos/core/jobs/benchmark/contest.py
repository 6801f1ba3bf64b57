"""Forms of the same work that take turns, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any

from visorvos.errors import VisorVosError

__all__ = ["Form", "Measured", "compete", "ratio"]

Work = Callable[[], None]


@dataclass(frozen=True)
class Form:
    """A way of doing some work."""

    make: Callable[..., Work]
    """Of a module's top level: gets everything ready, and gives what does the work once."""
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Measured:
    """What one form took."""

    seconds: tuple[float, ...]
    """Of each turn."""
    peak_bytes: int
    """The most memory that the largest of its processes ever held; on a GPU, that its tensors held there."""

    @property
    def median(self) -> float:
        return median(self.seconds)


def compete(forms: Mapping[str, Form], repeats: int) -> dict[str, Measured]:
    """Lets forms take turns, one after another, so that what else the machine does meets all of them.

    Args:
        forms: by name.
        repeats: turns of each, after one that does not count.

    Raises:
        VisorVosError: what a form raises, or where its process ended.
    """
    with ExitStack() as stack:
        players = {name: stack.enter_context(_Player(form)) for name, form in forms.items()}
        for player in players.values():
            player.turn()
        turns = [{name: player.turn()[0] for name, player in players.items()} for _ in range(repeats)]
        peaks = {name: player.peak for name, player in players.items()}
    return {name: Measured(tuple(turn[name] for turn in turns), peaks[name]) for name in forms}


def ratio(plain: Measured, ours: Measured) -> float:
    """How many times as fast ours is: the median over turns of the same round."""
    return median(slow / fast for slow, fast in zip(plain.seconds, ours.seconds, strict=True))


class _Player:
    """A form's process; a context manager."""

    def __init__(self, form: Form) -> None:
        context = multiprocessing.get_context("spawn")
        self._link, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, form))
        self._process.start()
        theirs.close()
        self.peak = 0

    def __enter__(self) -> _Player:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._link.close()
        if kind is not None:
            self._process.terminate()
        self._process.join()

    def turn(self) -> tuple[float, int]:
        """Seconds of one turn, and the peak of memory so far."""
        try:
            self._link.send(None)
            answer: tuple[float, int] | VisorVosError = self._link.recv()
        except (EOFError, OSError) as error:
            raise VisorVosError(
                "A process that was measured ended before its work was done, perhaps for want of memory.",
                "Measure less: --only, --objects, --backbone.",
            ) from error
        if isinstance(answer, VisorVosError):
            raise answer
        self.peak = answer[1]
        return answer


def _serve(link: Connection, form: Form) -> None:
    """Does the work as often as it is asked for."""
    try:
        work = form.make(*form.arguments)
        while True:
            try:
                link.recv()
            except EOFError:
                return
            began = time.perf_counter()
            work()
            link.send((time.perf_counter() - began, _peak()))
    except VisorVosError as error:
        link.send(error)
    except KeyboardInterrupt:
        pass


def _peak() -> int:
    """Bytes."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return int(torch.cuda.max_memory_allocated())
    unit = 1 if sys.platform == "darwin" else 1024
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    # What a process inherits from the one that started it counts in getrusage, and not here.
    status = Path("/proc/self/status")
    if status.is_file():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return max(started, int(lines["VmHWM"].split()[0]) * 1024)
    return max(started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
