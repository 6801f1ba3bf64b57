"""Broken input of every kind, and what a command may do about it: say a sentence, and nothing else."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Finished, Run

Spoil = Callable[[Path], object]
"""Breaks something below a folder."""

Row = tuple[Spoil, str, str]
"""How to break it, the culprit's path below the folder, and a part of the sentence."""


def refused(run: Run, root: Path, output: Path, culprit: str, reason: str, *arguments: object) -> Finished:
    """Runs a command on what is broken and sees that it ends as it must.

    Exit code 1; one error with the culprit and a remedy; no traceback, nothing on standard output; nothing that is
    half written; nothing changed or new outside the output.
    """
    before = _state(root, output)
    done = run(*arguments)
    check(done, culprit, reason, root)
    assert _state(root, output) == before, "something outside the output was touched"
    return done


def check(done: Finished, culprit: str, reason: str, root: Path) -> None:
    text = " ".join(done.err.split())
    assert done.code == 1, text
    assert sum(line.startswith("error:") for line in done.err.splitlines()) == 1, text
    assert culprit in text, text
    assert reason in text, text
    assert done.err.splitlines()[-1].startswith("  -> ")
    assert "Traceback" not in text
    assert "should not have happened" not in text, text
    assert done.out == ""
    assert len(text) < 4000
    assert not list(root.rglob("*.part"))


def _state(root: Path, output: Path) -> dict[str, object]:
    state: dict[str, object] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if Path(folder, name) != output]
        for name in (*folders, *files):
            path = Path(folder, name)
            if path != output:
                stat = path.lstat()
                state[str(path)] = (stat.st_mode, stat.st_size, stat.st_mtime_ns if path.is_file() else 0)
    return state


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def loop(path: Path) -> None:
    """A link to itself."""
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    """A folder where a file should be."""
    path.unlink(missing_ok=True)
    path.mkdir()


def unreadable(path: Path) -> None:
    """A file whose reading fails, whoever reads it: the kernel's view of a process's memory begins with a hole."""
    path.unlink(missing_ok=True)
    path.symlink_to("/proc/self/mem")


def endless(path: Path) -> None:
    """A file without an end."""
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def fifo(path: Path) -> None:
    """A pipe on whose other end nobody is."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def bomb(path: Path) -> None:
    """A PNG of 100,000 x 100,000 pixels in few bytes."""
    path.write_bytes(png(100_000, 100_000))


def large(path: Path, length: int = 5 << 30) -> None:
    """A file of zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(length)


def png(width: int, height: int, color: int = 3) -> bytes:
    """A PNG that states a size and holds a few zeros."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)),
        (b"PLTE", bytes(768)),
        (b"IDAT", zlib.compress(bytes(1 << 20))),
        (b"IEND", b""),
    ]
    chunks = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
