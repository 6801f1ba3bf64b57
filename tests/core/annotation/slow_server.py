"""A server in a process of its own, to be killed: `python -m tests.core.annotation.slow_server FRAMES OUT`.

Its propagator moves masks by a pixel, and takes a few milliseconds per frame.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
import uvicorn

from visorvos.core.annotation.folder import SessionFolder, SourceRecord
from visorvos.core.annotation.propagation import Worker
from visorvos.core.annotation.server import Server, make_app
from visorvos.core.annotation.session import Session
from visorvos.core.io.frame_reader import FrameReader
from visorvos.core.io.frames import open_frames
from visorvos.core.io.lock import lock_folder

TOKEN = "a-token"


def propagate(
    start: int, stop: int, masks: Mapping[int, np.ndarray], given: Collection[int]
) -> Iterator[tuple[int, np.ndarray]]:
    labels, step = masks[start], 1 if stop > start else -1
    for number in range(start + step, stop + step, step):
        time.sleep(0.005)
        labels = masks[number] if number in given else np.roll(labels, 1, axis=1)
        yield number, labels


def main() -> None:
    source = open_frames(Path(sys.argv[1]))
    root = Path(sys.argv[2])
    with lock_folder(root):
        session = Session(SessionFolder(root, source), SourceRecord.of(source, source.count()), {})
        app = make_app(Server(session, Worker(session, lambda: propagate), FrameReader(source), TOKEN))
        listening = socket.create_server(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)  # noqa: T201 - read by the test
        uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run([listening])


if __name__ == "__main__":
    main()
