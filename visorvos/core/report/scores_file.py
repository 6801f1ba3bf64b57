"""The scores that ``visorvos evaluate`` writes, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.paths import is_safe_name
from visorvos.errors import VisorVosError

__all__ = ["FrameRow", "ObjectRow", "ScoresFile", "SequenceRow", "read_scores"]

_MOST_BYTES = 1 << 28
"""Some million rows; read, they take ten times as much."""

_Score = Annotated[float, Field(ge=0, le=1)]


def _is_safe(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} cannot be the name of a sequence or frame")
    return name


_Name = Annotated[str, AfterValidator(_is_safe)]
"""Becomes part of the paths of frames and masks."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class FrameRow(_Row):
    """One object in one frame."""

    frame: _Name
    j: _Score = Field(alias="J")
    f: _Score = Field(alias="F")
    size: _Score


class ObjectRow(_Row):
    """One object of a sequence."""

    object: int
    name: str | None
    frames: Annotated[tuple[FrameRow, ...], Field(min_length=1)]


class SequenceRow(_Row):
    """One sequence."""

    sequence: _Name
    objects: Annotated[tuple[ObjectRow, ...], Field(min_length=1)]


class ScoresFile(_Row):
    """An evaluation: what was scored, and every frame's scores."""

    data: str
    split: str
    protocol: str
    source: str
    predictions: str
    date: str
    sequences: Annotated[tuple[SequenceRow, ...], Field(min_length=1)]


def read_scores(path: Path) -> tuple[Path, ScoresFile]:
    """The scores at a path, and the file that holds them.

    Args:
        path: ``scores-SPLIT.json``, or a folder that holds one such file.

    Raises:
        VisorVosError: where there is none, there are several, or it does not hold what `evaluate` writes.
    """
    file = _only_one(path) if path.is_dir() else path
    try:
        return file, ScoresFile.model_validate_json(read_bytes(Location(file), _MOST_BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise VisorVosError(
            f"{file} does not hold scores of this version of visorvos: {where}: {first['msg'].lower()}.",
            "Run `visorvos evaluate` again and give the scores-SPLIT.json that it writes.",
        ) from error


def _only_one(folder: Path) -> Path:
    files = sorted(folder.glob("scores-*.json"))
    if not files:
        raise VisorVosError(
            f"The folder {folder} holds no scores-SPLIT.json.", "Run `visorvos evaluate` with --output, and give that."
        )
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise VisorVosError(f"The folder {folder} holds several: {names}.", "Give the file that is meant.")
    return files[0]
