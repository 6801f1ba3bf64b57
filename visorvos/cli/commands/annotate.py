"""``visorvos annotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.errors import counted

if TYPE_CHECKING:
    from visorvos.core.jobs.annotate import Annotated


def show(session: Annotated) -> str:
    """One sentence: what the session holds and where."""
    return (
        f"{counted(session.masks, 'mask')} of {counted(session.frames, 'frame')}, "
        f"{session.given} of them drawn or confirmed, {counted(len(session.objects), 'object')}, "
        f"in [bold]{escape(session.output)}[/]"
    )
