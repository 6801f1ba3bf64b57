"""``visorvos prepare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape

from visorvos.cli.command import command
from visorvos.cli.console import table
from visorvos.core.runtime.progress import Progress
from visorvos.settings.prepare import PrepareSettings

if TYPE_CHECKING:
    from visorvos.core.datasets.visor.report import SplitReport
    from visorvos.core.jobs.prepare import Preparation

_MAX_LISTED = 5


def show(preparation: Preparation) -> Group:
    """A table of counts per split, then what the user should know about the data."""
    counts = table(str(preparation.data), "", figures=preparation.splits)
    for heading, row in _ROWS:
        counts.add_row(heading, *(row(report) for report in preparation.splits.values()))
    notes = [note for split, report in preparation.splits.items() for note in _notes(split, report)]
    return Group(counts, *notes, _effort(preparation))


_ROWS = (
    ("videos", lambda report: f"{report.videos:,}"),
    ("sequences kept", lambda report: f"{report.totals['sequences_kept']:,}"),
    ("  dropped: too few masks", lambda report: f"{report.totals['sequences_dropped']:,}"),
    ("frames kept", lambda report: f"{report.totals['frames_kept']:,}"),
    ("  left out: empty mask", lambda report: f"{report.totals['frames_empty']:,}"),
    ("  left out: sequence dropped", lambda report: f"{report.totals['frames_dropped']:,}"),
    ("  left out: cannot be converted", lambda report: f"{report.totals['frames_broken']:,}"),
    ("objects kept", lambda report: report.objects.replace("-", " ")),
    ("objects per sequence: min, mean, max", lambda report: _objects(report)),
)


def _objects(report: SplitReport) -> str:
    counts = [sequence.objects for sequence in report.kept.values()]
    return f"{min(counts)}, {sum(counts) / len(counts):.1f}, {max(counts)}" if counts else "-"


def _notes(split: str, report: SplitReport) -> list[str]:
    found = {
        "The first frame has no object in": report.empty_first_frames,
        "Objects first appear after the first frame in": [n for n, s in report.kept.items() if s.late_objects],
        "The resize removes an object from frames of": [n for n, s in report.kept.items() if s.lost_objects],
        "No mask shows an object that has a name in": [n for n, s in report.kept.items() if s.never_shown],
        "Frames were not 16:9 and are stretched in": [n for n, s in report.kept.items() if s.stretched_frames],
    }
    notes = [f"{split}: {what} {_named(names)}." for what, names in found.items() if names]
    if report.broken:
        broken = [f"{entry.sequence}/{entry.frame}" for entry in report.broken]
        notes.append(f"[bold red]{split}: left out as missing, damaged or not 16:9: {_named(broken)}.[/]")
    published = report.published
    if published is not None and published["full_release"]:
        equal = "as published" if published["equal"] else f"[bold red]published: {published['sequences']:,}[/]"
        notes.append(f"{split}: {len(report.kept):,} sequences, {equal}.")
    elif published is not None:
        notes.append(
            f"{split}: {report.videos} of the release's {published['videos']} videos; counts are not compared."
        )
    return notes


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_LISTED:,} more (see prepare_report.json)" if len(names) > _MAX_LISTED else ""
    return escape(", ".join(names[:_MAX_LISTED])) + more


def _effort(preparation: Preparation) -> str:
    if not preparation.converted:
        return "Nothing to do: every frame was converted before."
    rate = preparation.converted / preparation.seconds
    before = f", {preparation.reused:,} were converted before" if preparation.reused else ""
    return f"{preparation.converted:,} frames converted, {rate:.1f} frames/s{before}."


@command(PrepareSettings, show, "visorvos prepare --release 2v6cgv1x04ol22qp9rm9x2j6a7.zip --output data")
def prepare(settings: PrepareSettings, progress: Progress) -> Preparation:
    from visorvos.core.jobs.prepare import prepare

    return prepare(settings, progress)
