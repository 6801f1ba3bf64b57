"""What a data set is made from: how a run that goes on where another stopped knows that it may.

``prepare_inputs.json`` is written beside the data before the first frame is. It holds the options that decide what
is drawn, a checksum of each annotation file, and one of each video's frames (their names and sizes). A later run
into the same folder

- is refused where options or annotations differ: old and new sequences would stand side by side;
- does those videos again whose frames differ: what was made of them is removed before the new record is written.
  So frames that were missing or damaged can be mended, and the run started again;
- trusts everything else that stands under its final name, since files are renamed to it when they are whole.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError

__all__ = ["RECORD", "Record", "SplitRecord", "read_record", "refuse_other_inputs", "write_record"]

RECORD = "prepare_inputs.json"


class SplitRecord(BaseModel):
    """The inputs of one split."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotations: dict[str, str]
    """Checksum by file name."""
    videos: dict[str, str]
    """Checksum of the frames by video."""


class Record(BaseModel):
    """The inputs of a data set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    options: dict[str, bool | str | None]
    """Those that decide what is drawn."""
    splits: dict[str, SplitRecord] = {}


def read_record(output: Path, data: Path) -> Record | None:
    """The record of an output folder, or None where nothing has been prepared there.

    Raises:
        VisorVosError: where data lies there whose origin is not known.
    """
    path = output / RECORD
    try:
        return Record.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        if data.is_dir() and any(data.iterdir()):
            raise VisorVosError(
                f"{data} is there, but no {path} that says what it was made from.",
                "Choose another --output, or move that folder away.",
            ) from None
        return None
    except (OSError, ValidationError) as error:
        raise VisorVosError(
            f"{path} cannot be read: {' '.join(str(error).split())[:200]}.",
            "Choose another --output, or remove that folder and prepare again.",
        ) from error


def refuse_other_inputs(output: Path, known: Record, wanted: Record) -> None:
    """Sees that a data set may be gone on with.

    Raises:
        VisorVosError: where it was made with other options or from other annotations.
    """
    remedy = f"Choose another --output, or remove {output} to prepare it anew."
    for name, value in wanted.options.items():
        if known.options.get(name) != value:
            option = f"--{name.replace('_', '-')}"
            raise VisorVosError(
                f"{output} was prepared with another {option}: {_shown(known.options.get(name))} then, "
                f"{_shown(value)} now.",
                remedy,
            )
    for split, inputs in wanted.splits.items():
        before = known.splits.get(split, inputs).annotations
        other = sorted(name for name, _ in before.items() ^ inputs.annotations.items())
        if other:
            raise VisorVosError(
                f"{output} was prepared from other {split} annotations: {', '.join(dict.fromkeys(other[:5]))} "
                f"{'differs' if len(set(other)) == 1 else 'and others differ'}.",
                remedy,
            )


def write_record(output: Path, record: Record) -> None:
    """Writes the record, whole or not at all."""
    write_file(output / RECORD, json.dumps(record.model_dump(), indent=1) + "\n")


def _shown(value: bool | str | None) -> str:
    return "not given" if value in (None, False) else "given" if value is True else str(value)
