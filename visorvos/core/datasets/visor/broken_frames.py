"""Frames that are missing or damaged: all of them told in one go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from visorvos.core.datasets.visor.prepare_report import SplitReport, list_broken
from visorvos.core.datasets.visor.release import FrameFiles
from visorvos.errors import VisorVosError, listed

__all__ = ["refuse_broken", "refuse_no_frames"]

_LISTED = 20


def refuse_no_frames(images: Path, frames: FrameFiles, videos: Iterable[str]) -> None:
    """Sees that some frames are there, before any time is spent.

    Raises:
        VisorVosError: where not one video is found.
    """
    wanted = sorted(videos)
    if not any(frames.has(video) for video in wanted):
        raise VisorVosError(
            f"{images} holds no frames of {', '.join(wanted[:5])}{' ...' if len(wanted) > 5 else ''}.",
            "Give the folder in which each video has a folder or zip file of its own name.",
        )


def refuse_broken(output: Path, reports: Mapping[str, SplitReport]) -> None:
    """Lists what is broken, the first in the error and all in a file.

    Raises:
        VisorVosError: where any frame is.
    """
    lines = [
        f"{entry.sequence}/{entry.frame}: {entry.problem}" for report in reports.values() for entry in report.broken
    ]
    path = list_broken(output, lines)
    if not lines:
        return
    shown = listed(lines, _LISTED, "\n  ")
    count = f"{len(lines)} frame{'s are' if len(lines) > 1 else ' is'}"
    raise VisorVosError(
        f"{count} missing or damaged; all others are converted. All that are broken stand in {path}:\n  {shown}",
        "Mend them and run the same command again: it goes on from here. Or go on without: --skip-broken",
    )
