"""``visorvos annotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import command
from visorvos.core.runtime.progress import Progress
from visorvos.errors import counted
from visorvos.settings.annotate import AnnotateSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.annotate import Annotated


def show(session: Annotated) -> str:
    """One sentence: what the session holds and where."""
    return (
        f"{counted(session.masks, 'mask')} of {counted(session.frames, 'frame')}, "
        f"{session.given} of them drawn or confirmed, {counted(len(session.objects), 'object')}, "
        f"in [bold]{escape(session.output)}[/]"
    )


@command(AnnotateSettings, show, "visorvos annotate clip.mp4 --weights visor.pth --output clip-session")
def annotate(settings: AnnotateSettings, progress: Progress) -> Annotated:
    from visorvos.core.jobs.annotate import annotate

    return annotate(settings, progress)
