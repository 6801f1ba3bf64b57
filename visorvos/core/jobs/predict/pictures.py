"""Colors and names of predicted objects in overlays, and the contact sheet."""

from __future__ import annotations

from pathlib import Path

from visorvos.core.datasets.davis.object_names import read_names
from visorvos.core.io.frames import FrameSource
from visorvos.core.io.images import write_picture
from visorvos.core.io.masks import SHEET, read_mask
from visorvos.core.report.colors import bright_palette
from visorvos.core.report.contact_sheet import Tile, contact_sheet
from visorvos.core.report.overlay import Style
from visorvos.core.spread import evenly
from visorvos.settings.predict import PredictSettings

_FRAMES, _COLUMNS, _WIDTH = 12, 4, 480


def choose_style(settings: PredictSettings, palette: bytes) -> Style:
    """The overlay style that the options ask for.

    Args:
        settings: options of the command.
        palette: colors of the given masks.

    Raises:
        VisorVosError: if the file of names cannot be read, or does not list the sequence.
    """
    sequence = settings.frames.name if settings.frames.is_dir() else settings.frames.stem
    names = {} if settings.names is None else read_names(settings.names, sequence)
    colors = bright_palette(names) if settings.colors == "bright" else palette
    return Style(colors, settings.opacity, settings.outline, names)


def write_sheet(source: FrameSource, masks: Path, frames: int, style: Style) -> None:
    """Writes ``MASKS/sheet.jpg``: twelve frames spread evenly over the video, with their objects.

    Args:
        source: the frames.
        masks: folder of the predicted masks.
        frames: number of frames.
        style: colors and names of the objects.
    """
    numbers = evenly(frames, _FRAMES)
    tiles = []
    for number, frame in zip(numbers, source.pick(numbers), strict=True):
        name = source.name(number)
        tiles.append(Tile(frame, read_mask(masks / f"{name}.png").labels, style, name))
    write_picture(masks / SHEET, contact_sheet(tiles, _COLUMNS, _WIDTH))
