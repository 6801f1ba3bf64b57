"""Files on disk, in zip files, and in zip files inside zip files, read without extracting."""

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
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from visorvos.errors import VisorVosError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_SMALL, _MAX_EXPANSION = 16 << 20, 100
"""A member larger than `_SMALL` bytes may expand to this many times its compressed size; VISOR's JSON to 10 times."""
_LOCAL_HEADER = struct.Struct("<4s22xHH")
# What zipfile raises for archives that are truncated, damaged, encrypted or of an unknown compression.
_UNREADABLE = (EOFError, NotImplementedError, OSError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Location:
    """A file on disk, or a member of a zip file, which may itself be a member of a zip file."""

    path: Path
    inside: tuple[str, ...] = ()
    """Member names, from the outermost zip file to the innermost."""

    def member(self, name: str) -> Location:
        """The location of a member of this zip file."""
        return Location(self.path, (*self.inside, name))

    def __str__(self) -> str:
        return "/".join((str(self.path), *self.inside))


def members(archive: Location) -> list[zipfile.ZipInfo]:
    """The files in a zip file, in order, without folders.

    Raises:
        VisorVosError: if it cannot be read as a zip file.
    """
    with _explained(archive):
        # Some programs on Windows write backslashes.
        return [info for info in _opened(archive).infolist() if not info.filename.endswith(("/", "\\"))]


def read_bytes(location: Location) -> bytes:
    """Reads a file. The checksum of a member of a zip file is verified.

    Raises:
        VisorVosError: if it is missing, damaged, not a regular file, or a zip bomb.
    """
    with _explained(location):
        if location.inside:
            archive = _opened(Location(location.path, location.inside[:-1]))
            return _expand(archive, archive.getinfo(location.inside[-1]), location)
        mode = location.path.stat().st_mode
        if not stat.S_ISREG(mode):
            # Reading a pipe or a device may never end.
            raise OSError("it is a folder" if stat.S_ISDIR(mode) else "not a regular file")
        return location.path.read_bytes()


def _expand(archive: zipfile.ZipFile, member: zipfile.ZipInfo, location: Location) -> bytes:
    """A member's content, unless it is a zip bomb. zipfile reads no more than the size that the archive states."""
    if member.file_size > max(_SMALL, _MAX_EXPANSION * member.compress_size):
        raise VisorVosError(
            f"{location} would expand from {member.compress_size:,} to {member.file_size:,} bytes, "
            f"more than {_MAX_EXPANSION} times.",
            "It may be a zip bomb. Download the archive from its source again.",
        )
    return archive.read(member)


def _opened(archive: Location) -> zipfile.ZipFile:
    status = archive.path.stat()
    return _open(archive, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _open(archive: Location, size: int, time: int) -> zipfile.ZipFile:
    """An open zip file. Size and time of the outermost file are part of the cache key, so a changed one is reopened."""
    if not archive.inside:
        return zipfile.ZipFile(archive.path)
    outer = _open(Location(archive.path, archive.inside[:-1]), size, time)
    info = outer.getinfo(archive.inside[-1])
    encrypted = info.flag_bits & 0x1
    if info.compress_type == zipfile.ZIP_STORED and not encrypted and not isinstance(outer.fp, io.BytesIO):
        return zipfile.ZipFile(cast(BinaryIO, io.BufferedReader(_stored(outer, info, archive.path))))
    # A compressed zip file cannot be read from the middle, so it is kept in memory while in use.
    return zipfile.ZipFile(io.BytesIO(_expand(outer, info, archive)))


class _Slice(io.FileIO):
    """Part of a file, as a file. Members opened by zipfile seek by reading everything in between."""

    # Those of FileIO read past the end of the part; these call readinto.
    read, readall = io.RawIOBase.read, io.RawIOBase.readall  # type: ignore[assignment]  # FileIO also takes None

    def __init__(self, path: Path, start: int, length: int) -> None:
        super().__init__(path)
        self.start, self.end = start, start + length
        self.seek(0)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = offset + {os.SEEK_SET: self.start, os.SEEK_CUR: super().tell(), os.SEEK_END: self.end}[whence]
        if position < self.start:
            raise OSError("Seek before the start")
        return super().seek(position) - self.start

    def tell(self) -> int:
        return super().tell() - self.start

    def readinto(self, buffer: WriteableBuffer) -> int:
        return super().readinto(memoryview(buffer)[: max(self.end - super().tell(), 0)]) or 0


def _stored(outer: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> _Slice:
    """The part of the file on disk that holds an uncompressed member."""
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
    except (FileNotFoundError, KeyError) as error:
        raise VisorVosError(f"{location} does not exist.", "Check the path, or copy the file there.") from error
    except _UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).rstrip(".")
        reason = reason.replace("File is not a zip file", "it is not a zip file")
        raise VisorVosError(
            f"{location} cannot be read: {reason or type(error).__name__}.",
            "Check the path. If it is correct, the file is damaged: copy, extract or download it again.",
        ) from error
