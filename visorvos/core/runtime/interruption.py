"""Ctrl-C and SIGTERM as requests to stop: a run saves first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from visorvos.errors import VisorVosError


class StoppedError(VisorVosError):
    """A run was asked to stop and has saved everything."""


@contextmanager
def catch_signals() -> Iterator[list[str]]:
    """Yields a list that receives the name of the first SIGINT or SIGTERM; a second one has its usual effect."""
    received: list[str] = []
    # Python accepts signal handlers in its main thread only.
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if is_main}

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(signal.Signals(number).name)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        restore()
