"""``visorvos preview``: frames of a data set, or training clips, with masks, ids and names in one picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.davis.ground_truth import open_ground_truth
from visorvos.core.datasets.davis.layout import open_split
from visorvos.core.datasets.order import sample_of
from visorvos.core.io.images import read_frame, write_picture
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.io.settings_file import read_settings
from visorvos.core.report.contact_sheet import Tile, contact_sheet
from visorvos.core.report.overlay import Style
from visorvos.core.runtime.progress import Progress
from visorvos.core.spread import evenly
from visorvos.core.training.clips import coco_clips, visor_clips
from visorvos.errors import VisorVosError, listed
from visorvos.settings.finetune import FinetuneSettings
from visorvos.settings.pretrain import PretrainSettings
from visorvos.settings.preview import PreviewSettings


@dataclass(frozen=True)
class Preview:
    """The picture that was written."""

    file: str
    frames: int
    sources: int
    """Number of sequences or clips shown."""
    clips: bool
    width: int
    height: int


def preview(settings: PreviewSettings, progress: Progress | None = None) -> Preview:
    """Writes a contact sheet of a data set's frames or of training clips.

    Raises:
        VisorVosError: if a sequence is missing, a file cannot be read, or training options are invalid.
    """
    progress = progress or Progress()
    tiles = _clip_tiles(settings, progress) if settings.clips else _frame_tiles(settings, progress)
    sheet = contact_sheet([tile for group in tiles for tile in group], settings.columns, settings.width)
    write_picture(settings.output, sheet)
    frames = sum(map(len, tiles))
    return Preview(str(settings.output), frames, len(tiles), settings.clips, sheet.shape[1], sheet.shape[0])


def _frame_tiles(settings: PreviewSettings, progress: Progress) -> list[list[Tile]]:
    """The frames to show, per sequence: the requested sequences, or some spread over the split."""
    split = open_split(settings.data or Path(), settings.split or "train", settings.resolution)
    known = split.sequences
    unknown = [name for name in settings.sequence if name not in known]
    if unknown:
        raise VisorVosError(
            f"{settings.data} has no sequence {unknown[0]} in its split {split.name}.",
            f"Its sequences: {listed(known, 5)}.",
        )
    chosen = settings.sequence or [known[number] for number in evenly(len(known), settings.frames)]
    tiles = []
    for place, name in enumerate(progress.track(chosen[: settings.frames], "Drawing", "sequences", len(chosen))):
        sequence = split.sequence(name).annotated
        # The numbers of frames differ by at most one.
        count = settings.frames // len(chosen) + (place < settings.frames % len(chosen))
        truth = open_ground_truth(sequence.masks)
        style = Style(truth.first.palette or DAVIS_PALETTE, names=split.object_names.get(name, {}))
        group = []
        for number in evenly(len(sequence.frames), count):
            path = sequence.frames[number]
            frame = read_frame(path)
            labels = truth.labels(sequence.masks[number], frame.shape[:2])
            group.append(Tile(frame, labels, style, f"{name}  {path.stem}"))
        tiles.append(group)
    return tiles


def _clip_tiles(settings: PreviewSettings, progress: Progress) -> list[list[Tile]]:
    """The first clips of a training run, three tiles per clip."""
    clips, seed = _clips(settings, progress)
    tiles = []
    count = max(1, settings.frames // 3)
    for number in progress.track(range(count), "Drawing", "clips", count):
        epoch, sample = sample_of(number, len(clips), seed)
        # Spread over training, because augmentation may change with its progress.
        clip = clips.clip(sample, epoch, number / count)
        frames = enumerate(zip(clip.frames, clip.labels, strict=True), start=1)
        style = Style(DAVIS_PALETTE)
        tiles.append([Tile(*pair, style, f"{number + 1}, frame {n}: {clip.name}") for n, pair in frames])
    return tiles


def _clips(settings: PreviewSettings, progress: Progress) -> tuple[Clips, int]:
    """The clips of a training command, with options from the file and its defaults, and the seed of their order."""
    options = {} if settings.training is None else read_settings(settings.training)
    options |= {"output": Path()} | ({} if settings.split is None else {"split": settings.split})
    command = "finetune" if settings.coco is None else "pretrain"
    try:
        if settings.coco is not None:
            pretrain = PretrainSettings.model_validate({**options, "coco": settings.coco})
            return coco_clips(pretrain, progress), pretrain.seed
        finetune = FinetuneSettings.model_validate({**options, "data": settings.data})
        return visor_clips(finetune, progress), finetune.seed
    except ValidationError as error:
        option = ".".join(map(str, error.errors()[0]["loc"]))
        raise VisorVosError(
            f"{settings.training} must be a config file of {command}, got an unknown or invalid option: {option}.",
            f"Print the options: visorvos config {command}",
        ) from error
