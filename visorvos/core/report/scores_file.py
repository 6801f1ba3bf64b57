"""Reads the scores that ``visorvos evaluate`` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter

from visorvos.core.io.archives import Location, read_bytes
from visorvos.core.io.json_file import Name, parse_json
from visorvos.core.metrics.scores import ObjectScores, ScoreReport, SequenceScores
from visorvos.errors import VisorVosError

_Score = Annotated[float, Field(ge=0, le=1)]


class _Frame(BaseModel):
    frame: Name
    j: _Score = Field(alias="J")
    f: _Score = Field(alias="F")
    size: _Score


class _Object(BaseModel):
    object: int
    name: str | None
    frames: Annotated[tuple[_Frame, ...], Field(min_length=1)]


class _Sequence(BaseModel):
    sequence: Name
    ground_truth: str
    objects: Annotated[tuple[_Object, ...], Field(min_length=1)]

    def scores(self) -> SequenceScores:
        objects = []
        for item in self.objects:
            names = tuple(frame.frame for frame in item.frames)
            arrays = np.array([(frame.j, frame.f, frame.size) for frame in item.frames]).T
            objects.append(ObjectScores(self.sequence, item.object, item.name, names, *arrays))
        return SequenceScores(self.sequence, tuple(objects), self.ground_truth)


class ScoresFile(BaseModel):
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
        return ScoreReport.from_sequences(self.protocol, [item.scores() for item in self.sequences])


def read_scores(path: Path) -> tuple[Path, ScoresFile]:
    """Reads an evaluation.

    Args:
        path: ``scores-SPLIT.json``, or a folder that holds exactly one such file.

    Returns:
        The file and its content.

    Raises:
        VisorVosError: if the file is not found or there are several, or its content is not from `evaluate`.
    """
    files = sorted(path.glob("scores-*.json")) if path.is_dir() else [path]
    if not files:
        raise VisorVosError(
            f"No scores-SPLIT.json in {path}.", "Run visorvos evaluate with --output, and give that folder."
        )
    if len(files) > 1:
        names = ", ".join(file.name for file in files)
        raise VisorVosError(f"{path} holds several score files: {names}.", "Give one of the files.")
    remedy = "Run visorvos evaluate again and give the scores-SPLIT.json that it writes."
    return files[0], parse_json(read_bytes(Location(files[0])), TypeAdapter(ScoresFile), files[0], remedy)
