"""The result of ``visorvos export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

if TYPE_CHECKING:
    from visorvos.core.jobs.export import Export

__all__ = ["show"]


def show(export: Export) -> str:
    """What the submission holds, and what was left out of it or could not be checked."""
    counts = f"{export.sequences} sequences, {export.frames} frames, {export.objects} object masks"
    file = f"[bold]{escape(export.file)}[/]"
    lines = [f"{file} is sound: {counts}." if export.checked_only else f"{counts} in {file}."]
    if export.first_frames is False:
        told = "are not in it" if export.checked_only else "were left out"
        also = "" if export.checked_only else " (--first-frames puts them in)"
        lines.append(f"The given first frames {told}, as the organisers recommend{also}.")
    elif export.first_frames:
        lines.append("The given first frames are in it; the organisers recommend leaving them out.")
    if export.complete is None:
        lines.append(
            "Whether the split is complete was not checked: that takes --data."
            if export.first_frames is not False
            else "Without --data, the first mask of each sequence was taken for the given one, "
            "and it was not checked whether the split is complete."
        )
    return "\n".join(lines)
