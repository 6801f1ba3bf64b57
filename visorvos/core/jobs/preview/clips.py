"""Training clips for `preview`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from visorvos.core.datasets.clip import Clip, Clips
from visorvos.core.datasets.order import sample_of
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.io.settings_file import read_settings
from visorvos.core.report.contact_sheet import Tile
from visorvos.core.report.overlay import Style
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.errors import VisorVosError
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings
from visorvos.settings.preview import PreviewSettings
from visorvos.settings.training import TrainingSettings

__all__ = ["clip_tiles"]

S = TypeVar("S", bound=TrainingSettings)

_FRAMES = 3


def clip_tiles(settings: PreviewSettings, progress: Progress) -> list[list[Tile]]:
    """The first clips of a training run, three tiles per clip.

    Raises:
        VisorVosError: if options or data are invalid.
    """
    clips, seed = _source(settings, progress)
    tiles = []
    count = max(1, settings.frames // _FRAMES)
    for number in progress.track(range(count), "Drawing", "clips", count):
        epoch, sample = sample_of(number, len(clips), seed)
        # Spread over training, because augmentation may change with its progress.
        tiles.append(_tiles(clips.clip(sample, epoch, number / count), number))
    return tiles


def _source(settings: PreviewSettings, progress: Progress) -> tuple[Clips, int]:
    """The clips, and the seed of their order."""
    changed: dict[str, Any] = {"output": Path()}
    if settings.split is not None:
        changed["split"] = settings.split
    if settings.coco is not None:
        pretrain = _settings(PretrainSettings, settings.training, {**changed, "coco": settings.coco})
        return coco_clips(pretrain, progress), pretrain.seed
    finetune = _settings(FinetuneSettings, settings.training, {**changed, "data": settings.data})
    return visor_clips(finetune, progress), finetune.seed


def _settings(model: type[S], file: Path | None, changed: dict[str, Any]) -> S:
    """Options of a training command, from the file and its defaults."""
    content = {} if file is None else read_settings(file)
    try:
        return model.model_validate({**content, **changed})
    except ValidationError as error:
        command = "pretrain" if model is PretrainSettings else "finetune"
        option = ".".join(map(str, error.errors()[0]["loc"]))
        raise VisorVosError(
            f"{file} must be a config file of {command}, got an unknown or invalid option: {option}.",
            f"Print the options: visorvos config {command}",
        ) from error


def _tiles(clip: Clip, number: int) -> list[Tile]:
    return [
        Tile(frame, labels, Style(DAVIS_PALETTE), {}, f"{number + 1}, frame {place}: {clip.name}")
        for place, (frame, labels) in enumerate(zip(clip.frames, clip.labels, strict=True), start=1)
    ]
