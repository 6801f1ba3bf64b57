"""Files on disk and in zip files, and in zip files within those: read in place, never extracted."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Location", "members", "read_bytes"]

_SMALL, _MOST_EXPANSION = 16 << 20, 100
"""Bytes that any file may have; above, how many times its compressed size. The release's JSON shrinks to a tenth."""
_LARGEST_INNER = 4 << 30
_LOCAL_HEADER = struct.Struct("<4s22xHH")
# What zipfile raises on archives that are truncated, hostile, encrypted or of an unknown method.
_UNREADABLE = (EOFError, NotImplementedError, OSError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Location:
    """A file: on disk, or in a zip file there, or in a zip file within that, and so on."""

    path: Path
    inside: tuple[str, ...] = ()
    """Names of members, the outermost zip's first."""

    @property
    def name(self) -> str:
        """The file's own name, without folders."""
        return PurePosixPath(self.inside[-1]).name if self.inside else self.path.name

    def member(self, name: str) -> Location:
        """A file in this zip file."""
        return Location(self.path, (*self.inside, name))

    def __str__(self) -> str:
        return "/".join((str(self.path), *self.inside))


def members(archive: Location) -> list[zipfile.ZipInfo]:
    """The files of a zip file in their order there; folders and what macOS adds are left out.

    Raises:
        VisorVosError: where it cannot be read as a zip file.
    """
    with _explained(archive):
        return [
            info
            for info in _opened(archive).infolist()
            if not info.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in info.filename.split("/"))
        ]


def read_bytes(location: Location, most: int) -> bytes:
    """A file's content; in a zip file, its checksum is verified.

    Args:
        location: the file.
        most: number of bytes that it may have; more are taken for an attempt to fill the memory.

    Raises:
        VisorVosError: where it is missing, cannot be read, is damaged or too large.
    """
    with _explained(location):
        if location.inside:
            archive = _opened(Location(location.path, location.inside[:-1]))
            return _expand(archive, archive.getinfo(location.inside[-1]), location, most)
        status = location.path.stat()
        if not stat.S_ISREG(status.st_mode):
            # A pipe may never answer, a device never end.
            raise OSError(f"it is {'a folder' if stat.S_ISDIR(status.st_mode) else 'no regular file'}")
        if status.st_size > most:
            raise _too_much(location, status.st_size)
        return location.path.read_bytes()


def _expand(archive: zipfile.ZipFile, member: zipfile.ZipInfo, location: Location, most: int) -> bytes:
    """A member's content, unless it is a bomb: zip files state sizes, and no more than stated is read."""
    if member.file_size > most:
        raise _too_much(location, member.file_size)
    if member.file_size > max(_SMALL, _MOST_EXPANSION * member.compress_size):
        raise VisorVosError(
            f"{location} would grow from {member.compress_size:,} to {member.file_size:,} bytes, which neither JSON "
            "nor pictures do.",
            "It is a zip bomb, or not what it should be; get the archive from its source.",
        )
    return archive.read(member)


def _too_much(location: Location, size: int) -> VisorVosError:
    return VisorVosError(f"{location} has {size:,} bytes, more than can be meant.", "Check the file.")


def _opened(archive: Location) -> zipfile.ZipFile:
    status = archive.path.stat()
    return _open(archive, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _open(archive: Location, size: int, time: int) -> zipfile.ZipFile:
    """An open zip file; size and time of the outermost are there to open a replaced one anew."""
    if not archive.inside:
        return zipfile.ZipFile(archive.path)
    outer = _open(Location(archive.path, archive.inside[:-1]), size, time)
    info = outer.getinfo(archive.inside[-1])
    encrypted = info.flag_bits & 0x1
    if info.compress_type == zipfile.ZIP_STORED and not encrypted and not isinstance(outer.fp, io.BytesIO):
        return zipfile.ZipFile(cast(BinaryIO, io.BufferedReader(_stored(outer, info, archive.path))))
    # A compressed zip cannot be read from the middle: it is held in memory while it is in use.
    return zipfile.ZipFile(io.BytesIO(_expand(outer, info, archive, _LARGEST_INNER)))


class _Slice(io.RawIOBase):
    """A stretch of a file, as a file. (zipfile's own members seek by reading all that lies between.)"""

    def __init__(self, path: Path, start: int, length: int) -> None:
        self.path, self.start, self.length = path, start, length
        self._file = path.open("rb")
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise OSError("Seek before the start")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._file.seek(self.start + self._position)
        wanted = min(memoryview(buffer).nbytes, max(self.length - self._position, 0))
        content = self._file.read(wanted)
        memoryview(buffer).cast("B")[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        self._file.close()
        super().close()


def _stored(outer: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> _Slice:
    """The stretch of the file on disk in which an uncompressed member lies."""
    around = outer.fp.raw if isinstance(outer.fp, io.BufferedReader) else None
    start = around.start if isinstance(around, _Slice) else 0
    header = _Slice(path, start + info.header_offset, _LOCAL_HEADER.size)
    signature, name_length, extra_length = _LOCAL_HEADER.unpack(header.read(_LOCAL_HEADER.size) or b"")
    header.close()
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile(f"no member starts where {info.filename} should")
    data = start + info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    return _Slice(path, data, info.file_size)


@contextmanager
def _explained(location: Location) -> Iterator[None]:
    try:
        yield
    except KeyError as error:
        raise VisorVosError(f"{location} does not exist.", "Check the zip file, or download it again.") from error
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).rstrip(".")
        raise VisorVosError(
            f"{location} cannot be read: {reason or type(error).__name__}.",
            "Check the path; if it is right, the file is damaged: copy, extract or download it again.",
        ) from error
