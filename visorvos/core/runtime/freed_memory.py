"""Memory that is freed stays with the process."""

from __future__ import annotations

import ctypes
import platform

__all__ = ["keep_freed_memory"]

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Of glibc's ``malloc.h``."""


def keep_freed_memory() -> None:
    """Lets memory that is freed be used again by this process, where the C library is glibc.

    Else the maps of a layer and the pixels of a frame, some MiB each, are taken from the system and handed back every
    time, and the system clears them page by page: on a CPU a tenth of the time of segmenting one object, a third of
    that of four, and a third of `prepare`.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)
