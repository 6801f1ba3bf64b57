"""Files that are written completely or not at all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from visorvos.errors import VisorVosError

__all__ = ["atomic_write", "clear_parts", "make_folder", "write_file", "written_apart"]

_ABANDONED_AFTER = 3600.0
"""Seconds after which a file that nobody writes to is what a killed process left."""


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yields a hidden path beside ``path`` to write to, and renames it to ``path`` if the block succeeds.

    The hidden name depends on ``path`` alone, so the next run overwrites what a killed run left.

    Raises:
        VisorVosError: if the system refuses to write.
    """
    make_folder(path.parent)
    part = path.with_name(f".{path.name}.part")
    try:
        try:
            yield part
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise VisorVosError(
            f"Cannot write {path}: {error.strerror or error}.",
            "Check that the folder is writable and the disk has room, or choose another --output.",
        ) from error


@contextmanager
def written_apart(path: Path) -> Iterator[BinaryIO]:
    """A file that no other process writes to, renamed to ``path`` when the block ends without an error.

    For what several processes may write at once: the last to be done remains.

    Raises:
        OSError: where the system refuses.
    """
    for other in path.parent.glob(f".{path.name}.*.part"):
        # Another process may remove it first, or another user own it.
        with suppress(OSError):
            if time.time() - other.stat().st_mtime > _ABANDONED_AFTER:
                other.unlink()
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_file(path: Path, content: bytes | memoryview | str) -> None:
    """Writes a file atomically; text is encoded as UTF-8."""
    with atomic_write(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def clear_parts(folder: Path) -> None:
    """Removes the unfinished masks, pictures and videos that a killed run left in a folder."""
    for suffix in (".png", ".jpg", ".mp4"):
        for part in folder.glob(f".*{suffix}.part"):
            part.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents.

    Raises:
        VisorVosError: if the system refuses, or a file of that name exists.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VisorVosError(
            f"Cannot make the folder {path}: {error.strerror or error}.",
            "Choose a writable folder with --output.",
        ) from error
