"""The result of ``visorvos annotate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.jobs.annotate import Annotated

__all__ = ["show"]


def show(session: Annotated) -> str:
    """One sentence: what the session holds and where."""
    objects = len(session.objects)
    return (
        f"{session.masks} masks of {session.frames} frames, {session.given} of them drawn or confirmed, "
        f"{objects} object{'s' * (objects != 1)}, in [bold]{escape(session.output)}[/]"
    )
