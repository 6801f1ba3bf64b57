"""``visorvos preview``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.errors import counted

if TYPE_CHECKING:
    from visorvos.core.jobs.preview import Preview


def show(preview: Preview) -> str:
    """One sentence: what is in the picture, and where it is."""
    sources = counted(preview.sources, "clip" if preview.clips else "sequence")
    size = f"{preview.width}x{preview.height}"
    return f"{counted(preview.frames, 'frame')} of {sources} in [bold]{escape(preview.file)}[/], {size}"
