"""The result of ``visorvos prepare``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from visorvos.core.datasets.visor.prepare_report import SplitReport
    from visorvos.core.jobs.prepare import Preparation

__all__ = ["show"]

_NAMED = 5


def show(preparation: Preparation) -> Group:
    """Counts a split, then what a person should know of it."""
    table = Table(title=f"{escape(str(preparation.data))}")
    table.add_column("")
    for split in preparation.splits:
        table.add_column(split, justify="right")
    for heading, row in _ROWS:
        table.add_row(heading, *(row(report) for report in preparation.splits.values()))
    notes = [note for split, report in preparation.splits.items() for note in _notes(split, report)]
    return Group(table, *notes, _effort(preparation))


_ROWS = (
    ("videos", lambda report: f"{report.videos:,}"),
    ("sequences kept", lambda report: f"{report.totals['sequences_kept']:,}"),
    ("  dropped: too few masks", lambda report: f"{report.totals['sequences_dropped']:,}"),
    ("frames kept", lambda report: f"{report.totals['frames_kept']:,}"),
    ("  left out: empty mask", lambda report: f"{report.totals['frames_empty']:,}"),
    ("  left out: sequence dropped", lambda report: f"{report.totals['frames_dropped']:,}"),
    ("  left out: missing or damaged", lambda report: f"{report.totals['frames_broken']:,}"),
    ("objects kept", lambda report: report.objects.replace("-", " ")),
    ("objects a sequence: fewest, mean, most", lambda report: _objects(report)),
)


def _objects(report: SplitReport) -> str:
    counts = [sequence.objects for sequence in report.kept.values()]
    return f"{min(counts)}, {sum(counts) / len(counts):.1f}, {max(counts)}" if counts else "-"


def _notes(split: str, report: SplitReport) -> list[str]:
    notes = []
    if report.empty_first_frames:
        notes.append(f"{split}: no object in the first frame of {_named(report.empty_first_frames)}.")
    late = [name for name, sequence in report.kept.items() if sequence.late_objects]
    if late:
        notes.append(f"{split}: later frames bring objects that the first lacks in {_named(late)}.")
    if report.broken:
        broken = [f"{entry.sequence}/{entry.frame}" for entry in report.broken]
        notes.append(f"[bold red]{split}: left out as missing or damaged: {_named(broken)}.[/]")
    published = report.published
    if published is not None and published.full_release:
        equal = "the published number" if published.equal else f"[bold red]published are {published.sequences:,}[/]"
        notes.append(f"{split}: {len(report.kept):,} sequences, {equal}.")
    elif published is not None:
        notes.append(f"{split}: {report.videos} of the release's {published.videos} videos; counts are not compared.")
    return notes


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more (see prepare_report.json)" if len(names) > _NAMED else ""
    return escape(", ".join(names[:_NAMED])) + more


def _effort(preparation: Preparation) -> str:
    if not preparation.converted:
        return "Every frame was there before."
    rate = preparation.converted / preparation.seconds
    before = f", {preparation.reused:,} were there before" if preparation.reused else ""
    return f"{preparation.converted:,} frames converted, {rate:.1f} frames/s{before}."
