"""One process at a time in an output folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from visorvos.core.io.atomic import make_folder
from visorvos.errors import VisorVosError


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Creates a folder and keeps other processes that lock it out of it during the block.

    Raises:
        VisorVosError: if another process has locked it, or the system refuses.
    """
    make_folder(folder)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise VisorVosError(
            f"Another process is writing to {folder}.", "Wait until it has ended, or choose another --output."
        ) from error
    except OSError as error:
        raise VisorVosError(
            f"Cannot write {folder / '.lock'}: {error.strerror or error}.", "Choose a writable folder with --output."
        ) from error
    try:
        yield
    finally:
        lock.release()
