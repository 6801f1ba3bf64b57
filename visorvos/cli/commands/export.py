"""``visorvos export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import command
from visorvos.core.runtime.progress import Progress
from visorvos.errors import counted
from visorvos.settings.export import ExportSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.export import Export


def show(export: Export) -> str:
    """What the submission holds, and what was left out of it or could not be checked."""
    numbers = {"sequence": export.sequences, "frame": export.frames, "object mask": export.objects}
    counts = ", ".join(counted(number, noun) for noun, number in numbers.items())
    file = f"[bold]{escape(export.file)}[/]"
    lines = [f"{file} is valid: {counts}." if export.checked_only else f"{counts} in {file}."]
    if export.first_frames is False:
        included = "" if export.checked_only else " (--first-frames includes them)"
        lines.append(f"The given first frames are left out, as the organizers recommend{included}.")
    elif export.first_frames:
        lines.append("The given first frames are included; the organizers recommend leaving them out.")
    if export.complete is None:
        first = "" if export.first_frames is not False else " The first mask of each sequence counts as the given one."
        lines.append(f"Not checked: whether the split is complete.{first} Add --data to check it.")
    return "\n".join(lines)


@command(ExportSettings, show, "visorvos export scores --data data/VISOR_2022 --output val.zip")
def export(settings: ExportSettings, progress: Progress) -> Export:
    from visorvos.core.jobs.export import export

    return export(settings, progress)
