"""Published checkpoints on disk: fetched once, seen to be what they should be, and watched from then on.

No checksum is published for them. That of the first good download is recorded beside the file, in ``FILE.json``; a
file that differs from it is refused, whether it was changed here or fetched anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from visorvos.core.io.atomic import atomic_write, make_folder, write_file
from visorvos.core.io.paths import HOME_VARIABLE, cache_folder
from visorvos.core.runtime.run_state import checksum
from visorvos.core.weights.checkpoints import load_weights
from visorvos.core.weights.http import Patience, ServerError, Transferred, download, remove_partial
from visorvos.core.weights.registry import PublishedWeights
from visorvos.errors import VisorVosError

__all__ = ["cached_file", "copy_weights", "fetch_released", "is_there"]

_MOST_BYTES = 1 << 30


class _Record(BaseModel):
    """What the first good download was."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    size: int
    modified_ns: int
    """The file's time when it was last seen to have this checksum."""
    link: str


def cached_file(released: PublishedWeights) -> Path:
    """Where a checkpoint lies in the cache, once it is there."""
    return cache_folder() / "weights" / f"{released.name}.pth"


def is_there(file: Path) -> bool:
    """Whether a file is there and still the one that was downloaded.

    It is read only where its size or time differ from those recorded.

    Raises:
        VisorVosError: where it has changed, or nothing is known of it.
    """
    if not file.is_file():
        return False
    record = _read_record(file)
    if record is None:
        raise VisorVosError(
            f"{file} is in the way: it is none that visorvos has downloaded.",
            "Move it away, choose another place with --output, or give its path as the weights.",
        )
    stat = file.stat()
    if (stat.st_size, stat.st_mtime_ns) == (record.size, record.modified_ns):
        return True
    if stat.st_size != record.size or checksum(file) != record.sha256:
        raise VisorVosError(
            f"{file} is not the file that was downloaded: its checksum is another.",
            "It was changed or damaged since. Remove it and start the command again.",
        )
    with suppress(VisorVosError):  # a cache that may only be read
        _write_record(file, record.model_copy(update={"modified_ns": stat.st_mtime_ns}))
    return True


def fetch_released(
    released: PublishedWeights, file: Path, tell: Callable[[str], None], patience: Patience | None = None
) -> Iterator[Transferred]:
    """Downloads a published checkpoint unless it is there; ``file`` is whole and checked when the iteration ends.

    Several processes may do so at once: one downloads, the others wait for it.

    Args:
        released: which one.
        file: where to put it.
        tell: hears of what a person should know, a sentence each.
        patience: with servers that fail.

    Yields:
        How far it is.

    Raises:
        VisorVosError: where no link gives a checkpoint of the right keys and shapes, or it is not that of the first
            download.
    """
    with _locked(file, tell):
        if is_there(file):
            return
        part = file.with_name(f".{file.name}.part")
        faults: list[ServerError] = []
        for link in released.links:
            try:
                yield from download(link, part, _MOST_BYTES, tell, patience)
                _publish(released, part, file, link)
                return
            except ServerError as error:  # noqa: PERF203 - each link fails by itself
                faults.append(error)
                if len(faults) < len(released.links):
                    tell(f"{error.message} Trying the older link.")
        told = " ".join(dict.fromkeys(fault.message for fault in faults))
        raise VisorVosError(f"{released.name} could not be fetched: {told}", faults[-1].remedy)


def copy_weights(source: Path, target: Path) -> None:
    """Copies a file, whole or not at all."""
    with atomic_write(target) as part:
        shutil.copyfile(source, part)


def _publish(released: PublishedWeights, part: Path, file: Path, link: str) -> None:
    """Gives a download its name, once it has been read as the checkpoint it should be."""
    try:
        backbone = load_weights(part).backbone
        if backbone != released.backbone:
            raise VisorVosError(f"Its backbone is {backbone}, not {released.backbone}.", "")
    except VisorVosError as error:
        remove_partial(part)
        found = error.message.replace(str(part), released.file)
        raise ServerError(
            f"What {link} sends is not the checkpoint: {found}", "Try again later, or tell the authors."
        ) from error
    stat = part.stat()
    new = _Record(sha256=checksum(part), size=stat.st_size, modified_ns=stat.st_mtime_ns, link=link)
    known = _read_record(file)
    if known is not None and known.sha256 != new.sha256:
        remove_partial(part)
        raise ServerError(
            f"What {link} sends is a checkpoint, but not the one downloaded before: SHA-256 {new.sha256}, "
            f"then {known.sha256}.",
            f"If its authors have replaced it, remove {_record_of(file)} and start the command again.",
        )
    # The record comes first: a file without one is not taken for a download.
    _write_record(file, new)
    part.replace(file)
    remove_partial(part)


@contextmanager
def _locked(file: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Only one process at a time is in the block for a file."""
    try:
        make_folder(file.parent)
        lock = FileLock(file.with_name(f".{file.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            tell(f"Another process is downloading {file.name}; waiting for it.")
            lock.acquire()
    except (OSError, NotImplementedError, VisorVosError) as error:
        raise VisorVosError(
            f"Cannot write to {file.parent}: {getattr(error, 'strerror', None) or error}.",
            f"Choose a folder that can be written to: {HOME_VARIABLE}=FOLDER, or --output of download-weights.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def _record_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.json")


def _read_record(file: Path) -> _Record | None:
    path = _record_of(file)
    try:
        return _Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise VisorVosError(
            f"{path} cannot be read: {' '.join(str(error).split())[:200]}.",
            f"Remove it and {file.name}, and start the command again.",
        ) from error


def _write_record(file: Path, record: _Record) -> None:
    write_file(_record_of(file), record.model_dump_json(indent=1) + "\n")
