"""Reads the scores that ``visorvos evaluate`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.paths import is_safe_name
from visorvos.core.metrics.scores import ObjectScores, ScoreReport, SequenceScores
from visorvos.errors import VisorVosError

__all__ = ["ScoresFile", "read_scores"]

_Score = Annotated[float, Field(ge=0, le=1)]


def _is_safe(name: str) -> str:
    if not is_safe_name(name):
        raise ValueError(f"{name!r} cannot be the name of a sequence or frame")
    return name


_Name = Annotated[str, AfterValidator(_is_safe)]
"""Becomes part of the paths of frames and masks."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Frame(_Row):
    frame: _Name
    j: _Score = Field(alias="J")
    f: _Score = Field(alias="F")
    size: _Score


class _Object(_Row):
    object: int
    name: str | None
    frames: Annotated[tuple[_Frame, ...], Field(min_length=1)]


class _Sequence(_Row):
    sequence: _Name
    ground_truth: str
    objects: Annotated[tuple[_Object, ...], Field(min_length=1)]


class ScoresFile(_Row):
    """An evaluation: what was scored, and the scores of every frame."""

    data: str
    split: str
    protocol: str
    source: str
    predictions: str
    date: str
    sequences: Annotated[tuple[_Sequence, ...], Field(min_length=1)]

    def report(self) -> ScoreReport:
        """The scores as `evaluate_masks` returned them."""
        return ScoreReport.from_sequences(self.protocol, map(_sequence_scores, self.sequences))


def read_scores(path: Path) -> tuple[Path, ScoresFile]:
    """Reads an evaluation.

    Args:
        path: ``scores-SPLIT.json``, or a folder that holds exactly one such file.

    Returns:
        The file and its content.

    Raises:
        VisorVosError: if there is no such file, there are several, or its content is not from `evaluate`.
    """
    file = _only_scores_file(path) if path.is_dir() else path
    try:
        return file, ScoresFile.model_validate_json(read_bytes(Location(file)))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise VisorVosError(
            f"{file} does not hold scores of this version of visorvos: {where}: {first['msg'].lower()}.",
            "Run visorvos evaluate again and give the scores-SPLIT.json that it writes.",
        ) from error


def _only_scores_file(folder: Path) -> Path:
    files = sorted(folder.glob("scores-*.json"))
    if not files:
        raise VisorVosError(
            f"No scores-SPLIT.json in {folder}.", "Run visorvos evaluate with --output, and give that folder."
        )
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise VisorVosError(f"{folder} holds several score files: {names}.", "Give one of the files.")
    return files[0]


def _sequence_scores(row: _Sequence) -> SequenceScores:
    return SequenceScores(
        row.sequence, tuple(_object_scores(row.sequence, item) for item in row.objects), row.ground_truth
    )


def _object_scores(sequence: str, row: _Object) -> ObjectScores:
    names = tuple(frame.frame for frame in row.frames)
    region, contour, sizes = np.array([(frame.j, frame.f, frame.size) for frame in row.frames]).T
    return ObjectScores(sequence, row.object, row.name, names, region, contour, sizes)
