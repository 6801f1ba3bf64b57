"""Files that are written completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visorvos.errors import VisorVosError


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
