"""Freed memory stays with the process."""

from __future__ import annotations

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
"""Parameters of glibc's ``mallopt``, from ``malloc.h``."""


def keep_freed_memory() -> None:
    """Lets this process reuse the memory that it frees, if the C library is glibc.

    By default, large arrays are returned to the system and requested again each time, and the system clears them page
    by page. On a CPU that takes a tenth of the time to segment one object, a third for four objects, and a third of
    `prepare`.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, -1)
