"""``visorvos preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import command
from visorvos.core.runtime.progress import Progress
from visorvos.errors import counted
from visorvos.settings.preview import PreviewSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.preview import Preview


def show(preview: Preview) -> str:
    """One sentence: what is in the picture, and where it is."""
    sources = counted(preview.sources, "clip" if preview.clips else "sequence")
    size = f"{preview.width}x{preview.height}"
    return f"{counted(preview.frames, 'frame')} of {sources} in [bold]{escape(preview.file)}[/], {size}"


@command(PreviewSettings, show, "visorvos preview --data data/VISOR_2022 --split val --frames 24")
def preview(settings: PreviewSettings, progress: Progress) -> Preview:
    from visorvos.core.jobs.preview import preview

    return preview(settings, progress)
