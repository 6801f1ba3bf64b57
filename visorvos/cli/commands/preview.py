"""``visorvos preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import Command
from visorvos.settings.preview import PreviewSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.preview import Preview
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: PreviewSettings, progress: Progress) -> Preview:
    from visorvos.core.jobs.preview import preview

    return preview(settings, progress)


def show(preview: Preview) -> str:
    """One sentence: what is in the picture, and where it is."""
    frames = f"{preview.frames} frame{'s' * (preview.frames != 1)}"
    sources = f"{preview.sources} {'clip' if preview.clips else 'sequence'}{'s' * (preview.sources != 1)}"
    return f"{frames} of {sources} in [bold]{escape(preview.file)}[/], {preview.width}x{preview.height}"


COMMAND = Command(
    "preview", PreviewSettings, run, show, example="visorvos preview --data data/VISOR_2022 --split val --frames 24"
)
