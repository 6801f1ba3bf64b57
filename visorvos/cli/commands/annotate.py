"""``visorvos annotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import Command
from visorvos.settings.annotate import AnnotateSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.annotate import Annotated
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: AnnotateSettings, progress: Progress) -> Annotated:
    from visorvos.core.jobs.annotate import annotate

    return annotate(settings, progress)


def show(session: Annotated) -> str:
    """One sentence: what the session holds and where."""
    objects = len(session.objects)
    return (
        f"{session.masks} masks of {session.frames} frames, {session.given} of them drawn or confirmed, "
        f"{objects} object{'s' * (objects != 1)}, in [bold]{escape(session.output)}[/]"
    )


COMMAND = Command(
    "annotate",
    AnnotateSettings,
    run,
    show,
    example="visorvos annotate clip.mp4 --weights visor.pth --output clip-session",
)
