"""Wiring of ``visorvos preview``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from visorvos.core.datasets.davis.layout import Split, open_split
from visorvos.core.io.images import read_frame, write_picture
from visorvos.core.io.masks import fit_mask, read_mask
from visorvos.core.io.palettes import DAVIS_PALETTE
from visorvos.core.jobs.preview.clips import clip_tiles
from visorvos.core.report.contact_sheet import Tile, contact_sheet
from visorvos.core.report.overlay import Style
from visorvos.core.runtime.progress import NoProgress, Progress
from visorvos.core.spread import evenly
from visorvos.errors import VisorVosError, listed
from visorvos.settings.preview import PreviewSettings

__all__ = ["Preview", "preview"]


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

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return asdict(self)


def preview(settings: PreviewSettings, progress: Progress | None = None) -> Preview:
    """Writes a contact sheet of a data set's frames or of training clips.

    Raises:
        VisorVosError: if a sequence is missing or a file cannot be read.
    """
    progress = progress or NoProgress()
    tiles = clip_tiles(settings, progress) if settings.clips else _frame_tiles(settings, progress)
    sheet = contact_sheet([tile for group in tiles for tile in group], settings.columns, settings.width)
    write_picture(settings.output, sheet)
    frames = sum(map(len, tiles))
    return Preview(str(settings.output), frames, len(tiles), settings.clips, sheet.shape[1], sheet.shape[0])


def _frame_tiles(settings: PreviewSettings, progress: Progress) -> list[list[Tile]]:
    """The frames to show, per sequence."""
    split = open_split(settings.data or Path(), settings.split or "train", settings.resolution)
    chosen = _chosen(split, settings)
    counts = _shares(settings.frames, len(chosen))
    jobs = [(name, count) for name, count in zip(chosen, counts, strict=True) if count]
    tiles = []
    for name, count in progress.track(jobs, "Drawing", "sequences", len(jobs)):
        sequence = split.sequence(name).annotated
        group = []
        for number in evenly(len(sequence.frames), count):
            frame = read_frame(sequence.frames[number])
            mask = read_mask(sequence.masks[number])
            labels = fit_mask(mask.labels, frame.shape[0], frame.shape[1], sequence.masks[number])
            caption = f"{name}  {sequence.frames[number].stem}"
            style, names = Style(mask.palette or DAVIS_PALETTE), split.object_names.get(name, {})
            group.append(Tile(frame, labels, style, names, caption))
        tiles.append(group)
    return tiles


def _chosen(split: Split, settings: PreviewSettings) -> list[str]:
    """The requested sequences, or some spread over the split."""
    known = split.sequences
    unknown = [name for name in settings.sequence if name not in known]
    if unknown:
        raise VisorVosError(
            f"{settings.data} has no sequence {unknown[0]} in its split {split.name}.",
            f"Its sequences: {listed(known, 5)}.",
        )
    if settings.sequence:
        return list(settings.sequence)
    return [known[number] for number in evenly(len(known), settings.frames)]


def _shares(total: int, parts: int) -> list[int]:
    """Splits a number into parts that differ by at most one."""
    return [total // parts + (part < total % parts) for part in range(parts)]
