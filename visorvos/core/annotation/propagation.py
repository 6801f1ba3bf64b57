"""A propagation as a session keeps track of it, and the thread that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    from visorvos.core.annotation.session import Session

Labels = NDArray[np.uint8]


class Propagator(Protocol):
    """Finds the objects of one frame's mask in the frames after or before it."""

    def __call__(
        self, start: int, stop: int, masks: Mapping[int, Labels], given: Collection[int]
    ) -> Iterator[tuple[int, Labels]]:
        """Yields number and mask of each frame after ``start``, in the direction of ``stop``, which is the last.

        Args:
            start: frame whose mask is there.
            stop: last frame, before or after ``start``.
            masks: masks on disk by frame number, read when asked for; they may change while this runs.
            given: frames whose masks a person drew or confirmed; may change likewise.
        """


@dataclass
class Propagation:
    """One run of the network from a frame with a mask to the last frame to segment."""

    start: int
    stop: int
    state: Literal["running", "done", "stopped", "failed"] = "running"
    message: str = ""
    done: int = 0
    rate: float = 0.0
    """Frames per second."""
    outdated: bool = False
    """Whether a mask that the coming frames follow from was changed after it was read."""

    def __post_init__(self) -> None:
        self.at = self.start
        self._began = time.monotonic()

    @property
    def is_backward(self) -> bool:
        return self.stop < self.start

    def advance(self, number: int) -> None:
        """Notes that a frame's mask is there."""
        self.at, self.done = number, self.done + 1
        self.rate = self.done / max(time.monotonic() - self._began, 1e-3)

    def has_passed(self, number: int) -> bool:
        """Whether masks still to come follow from that of a frame."""
        return min(self.start, self.at) <= number <= max(self.start, self.at)

    def to_dict(self) -> dict[str, Any]:
        total = abs(self.stop - self.start)
        return {
            "from": self.start,
            "to": self.stop,
            "direction": "backward" if self.is_backward else "forward",
            "state": self.state,
            "message": self.message,
            "at": self.at,
            "done": self.done,
            "total": total,
            "rate": self.rate,
            "seconds_left": (total - self.done) / self.rate if self.rate else None,
        }


class Worker:
    """The one thread that owns the network: loads it, then runs one propagation after another.

    Args:
        session: takes the masks.
        load: makes the propagator; may take long. None: a session without a network.
    """

    def __init__(self, session: Session, load: Callable[[], Propagator] | None) -> None:
        self._session = session
        self._load = load
        self._jobs: SimpleQueue[Propagation | None] = SimpleQueue()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="annotate-worker", daemon=True)
        if load is not None:
            session.set_network("loading")
            self._thread.start()

    def propagate(self, start: int, stop: int) -> None:
        """Begins a propagation; one that is asked for while the network loads begins after that.

        Raises:
            BusyError: see `Session.begin`.
        """
        running = self._session.begin(start, stop)
        self._stop.clear()
        self._jobs.put(running)

    def stop(self) -> None:
        """Ends the propagation that runs, if any, before its next frame."""
        self._stop.set()

    def close(self) -> None:
        """Stops and ends the thread."""
        self._stop.set()
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        assert self._load is not None
        try:
            propagator = self._load()
        except (VisorVosError, RuntimeError, ImportError, OSError, MemoryError) as error:
            self._session.set_network("failed", f"The network could not be loaded: {error}")
            self._session.end("failed", str(error))
            return
        self._session.set_network("ready")
        while (job := self._jobs.get()) is not None:
            self._finish(propagator, job)

    def _finish(self, propagator: Propagator, job: Propagation) -> None:
        """Runs a propagation to its end, or until it is stopped."""
        session = self._session
        try:
            masks = propagator(job.start, job.stop, session.folder, session.known.given)
            while not self._stop.is_set():
                found = next(masks, None)
                if found is None:
                    session.end("done")
                    return
                session.accept(*found)
            session.end("stopped")
        except (VisorVosError, RuntimeError, LookupError, OSError, MemoryError) as error:
            session.end("failed", str(error))
