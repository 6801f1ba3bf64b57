"""The report of a preparation, ``prepare_report.json``, and the list of frames that could not be converted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from visorvos._version import __version__
from visorvos.core.io.atomic import write_file

__all__ = [
    "BROKEN_LIST",
    "REPORT",
    "Broken",
    "Kept",
    "Published",
    "SplitReport",
    "list_broken",
    "read_report",
    "remove_from_report",
    "write_report",
]

REPORT = "prepare_report.json"
BROKEN_LIST = "broken_frames.txt"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Kept(_Part):
    """A sequence of the data set."""

    frames: int
    objects: int
    """Different ids in its masks."""
    empty_frames: tuple[str, ...] = ()
    """Frames left out because their masks are empty."""
    late_objects: tuple[int, ...] = ()
    """Ids that its first mask does not show, and later ones do."""


class Broken(_Part):
    """A frame that could not be converted."""

    sequence: str
    frame: str
    problem: str


class Published(_Part):
    """The counts beside those published."""

    videos: int
    sequences: int
    full_release: bool
    """Whether all of the release's videos were prepared, so that the counts can be compared."""
    equal: bool | None
    """None where they cannot be."""


class SplitReport(_Part):
    """What became of one split."""

    videos: int
    objects: str
    kept: dict[str, Kept]
    dropped: dict[str, str]
    """Why, by sequence."""
    empty_first_frames: tuple[str, ...]
    """Sequences whose first frame, as annotated, holds no object."""
    broken: tuple[Broken, ...] = ()
    published: Published | None = None
    totals: dict[str, int] = Field(default_factory=dict)
    """sequences_kept, sequences_dropped, frames_kept, frames_empty, frames_dropped, frames_broken."""


class _ReportFile(_Part):
    visorvos: str
    data: str
    splits: dict[str, SplitReport]


def read_report(output: Path) -> dict[str, SplitReport]:
    """The splits that earlier runs have reported as done."""
    try:
        return _ReportFile.model_validate_json((output / REPORT).read_bytes()).splits
    except (OSError, ValidationError):
        return {}  # written anew at the end


def write_report(output: Path, data: str, reports: Mapping[str, SplitReport]) -> None:
    """Writes the report, beside splits that other runs have reported."""
    _write(output, data, {**read_report(output), **reports})


def remove_from_report(output: Path, data: str, splits: Iterable[str]) -> None:
    """Takes splits out of the report for as long as they are not done."""
    _write(output, data, {split: report for split, report in read_report(output).items() if split not in splits})


def _write(output: Path, data: str, reports: Mapping[str, SplitReport]) -> None:
    if not reports:
        (output / REPORT).unlink(missing_ok=True)
        return
    report = _ReportFile(visorvos=__version__, data=data, splits=dict(sorted(reports.items())))
    write_file(output / REPORT, report.model_dump_json(indent=1) + "\n")


def list_broken(output: Path, lines: Iterable[str]) -> Path:
    """Writes the list of broken frames, or removes that of an earlier run where there is none.

    Returns:
        The list's place.
    """
    path = output / BROKEN_LIST
    text = "".join(f"{line}\n" for line in lines)
    if text:
        write_file(path, text)
    else:
        path.unlink(missing_ok=True)
    return path
