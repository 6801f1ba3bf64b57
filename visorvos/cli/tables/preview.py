"""The result of ``visorvos preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.jobs.preview.job import Preview

__all__ = ["show"]


def show(preview: Preview) -> str:
    """One sentence: what is in the picture, and where it is."""
    frames = f"{preview.frames} frame{'s' * (preview.frames != 1)}"
    sources = f"{preview.sources} {'clip' if preview.clips else 'sequence'}{'s' * (preview.sources != 1)}"
    return f"{frames} of {sources} in [bold]{escape(preview.file)}[/], {preview.width}x{preview.height}"
