"""``visorvos export``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape

from visorvos.cli.command import Command
from visorvos.settings.export import ExportSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.export import Export
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: ExportSettings, progress: Progress) -> Export:
    from visorvos.core.jobs.export import export

    return export(settings, progress)


def show(export: Export) -> str:
    """What the submission holds, and what was left out of it or could not be checked."""
    counts = f"{export.sequences} sequences, {export.frames} frames, {export.objects} object masks"
    file = f"[bold]{escape(export.file)}[/]"
    lines = [f"{file} is valid: {counts}." if export.checked_only else f"{counts} in {file}."]
    if export.first_frames is False:
        included = "" if export.checked_only else " (--first-frames includes them)"
        lines.append(f"The given first frames are left out, as the organizers recommend{included}.")
    elif export.first_frames:
        lines.append("The given first frames are included; the organizers recommend leaving them out.")
    if export.complete is None:
        lines.append(
            "Not checked: whether the split is complete. Add --data to check it."
            if export.first_frames is not False
            else "Without --data, the first mask of each sequence counts as the given one, "
            "and completeness is not checked."
        )
    return "\n".join(lines)


COMMAND = Command(
    "export", ExportSettings, run, show, example="visorvos export scores --data data/VISOR_2022 --output val.zip"
)
