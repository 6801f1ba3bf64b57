"""A session over a small video, with a propagator that moves masks by a pixel per frame."""

from __future__ import annotations

import gzip
import queue
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from tests.builders import write_frames
from visorvos.core.annotation.folder import SessionFolder, SourceRecord
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.session import Session
from visorvos.core.io.frames import open_frames

HEIGHT, WIDTH, FRAMES = 24, 32, 8

Labels = np.ndarray


def make_frames(folder: Path, count: int = FRAMES) -> Path:
    random = np.random.default_rng(1)
    return write_frames(folder, list(random.integers(0, 255, (count, HEIGHT, WIDTH, 3), np.uint8)))


def box(index: int, height: int = HEIGHT, width: int = WIDTH, left: int = 4, top: int = 4, size: int = 6) -> Labels:
    """A mask of one square."""
    labels = np.zeros((height, width), np.uint8)
    labels[top : top + size, left : left + size] = index
    return labels


def moved(labels: Labels, by: int) -> Labels:
    """What the propagator finds that many frames away."""
    return np.roll(labels, by, axis=1)


def open_session(root: Path, frames: Path) -> Session:
    source = open_frames(frames)
    folder = SessionFolder(root, source)
    return Session(folder, SourceRecord.of(source, source.count()), {"size": 480})


class Steps:
    """A propagator that finds one frame for each `let` and tells through `found` when it has been taken."""

    def __init__(self) -> None:
        self._allowed: queue.Queue[bool] = queue.Queue()
        self.error: Exception | None = None
        self.looks_at_given = True

    def let(self, frames: int = 1) -> None:
        for _ in range(frames):
            self._allowed.put(True)

    def __call__(
        self, start: int, stop: int, masks: Mapping[int, Labels], given: Collection[int]
    ) -> Iterator[tuple[int, Labels]]:
        step = 1 if stop > start else -1
        labels = masks[start]
        for number in range(start + step, stop + step, step):
            self._allowed.get(timeout=30)
            if self.error is not None:
                raise self.error
            labels = masks[number] if self.looks_at_given and number in given else moved(labels, 1)
            yield number, labels


class Follower:
    """Waits for events of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._happened: queue.Queue[None] = queue.Queue()
        self._version = session.events.version
        session.events.listen(lambda: self._happened.put(None))

    def until(self, test: Callable[[dict], bool]) -> dict:
        """The next event that passes a test."""
        while True:
            for event in self._session.events.since(self._version):
                self._version = event["version"]
                if test(event):
                    return event
            self._happened.get(timeout=30)

    def until_ended(self) -> dict:
        return self.until(lambda e: e["event"] == "propagation" and e["propagation"]["state"] != "running")[
            "propagation"
        ]


def start_worker(session: Session, steps: Steps) -> Worker:
    follower = Follower(session)
    worker = Worker(session, lambda: steps)
    follower.until(lambda event: event["event"] == "network" and event["network"]["state"] == "ready")
    return worker


def packed(labels: Labels) -> bytes:
    return gzip.compress(labels.tobytes())
