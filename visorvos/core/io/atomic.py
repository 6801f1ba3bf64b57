"""Files that are written whole or not at all."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from visorvos.errors import VisorVosError

__all__ = ["clear_parts", "make_folder", "write_bytes", "write_text", "written_apart", "written_whole"]

_ABANDONED_AFTER = 3600.0
"""Seconds after which a file that nobody writes to is what a killed process left."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A hidden path beside ``path`` to write to, renamed to ``path`` when the block ends without an error.

    The name follows from ``path`` alone, so that what a killed run left is overwritten by the next.

    Raises:
        VisorVosError: where the system refuses to write.
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


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file whole."""
    with written_whole(path) as part:
        part.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Writes a file whole, as UTF-8."""
    write_bytes(path, content.encode())


def clear_parts(folder: Path) -> None:
    """Removes the masks, pictures and videos that a killed run was writing in a folder."""
    for suffix in (".png", ".jpg", ".mp4"):
        for part in folder.glob(f".*{suffix}.part"):
            part.unlink(missing_ok=True)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it.

    Raises:
        VisorVosError: where the system refuses, or a file is in the way.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VisorVosError(
            f"Cannot make the folder {path}: {error.strerror or error}.",
            "Choose a folder that can be written to with --output.",
        ) from error
