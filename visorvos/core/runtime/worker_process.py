"""What a process that works for another does first."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import wait

import cv2

from visorvos.core.runtime.freed_memory import keep_freed_memory

__all__ = ["start_worker"]


def start_worker() -> None:
    """Prepares this process, which multiprocessing started; it ends with the one that started it."""
    # The processes are the parallelism; threads of OpenCV's would only compete with them.
    cv2.setNumThreads(1)
    keep_freed_memory()
    # Ctrl-C reaches the whole group; the parent is the one to act on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent has gone: a killed parent cannot tell, and its next run would meet us."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
