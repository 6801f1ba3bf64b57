"""``visorvos compare``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from visorvos.cli.command import command
from visorvos.cli.console import table
from visorvos.core.runtime.progress import Progress
from visorvos.settings.compare import CompareSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.compare import Comparison
    from visorvos.core.metrics.bootstrap import Estimate
    from visorvos.core.metrics.comparison import SequenceChange

_MAX_SHOWN = 5


def show(comparison: Comparison) -> Group:
    """Difference of each run from the first, and the sequences that gained and lost most."""
    title = f"{comparison.split}, protocol {comparison.protocol}, in percent"
    total = table(title, "", "run", figures=("J&F", "minus A", "95%", "J", "F"))
    for run in comparison.runs:
        cells = [""] * 4 if run is comparison.runs[0] else _cells(run.figures)
        total.add_row(run.letter, escape(run.path), f"[bold]{100 * run.report.j_and_f:.1f}[/]", *cells)
    parts: list[RenderableType] = [total]
    parts += [_changes(run.letter, list(run.changes.values())) for run in comparison.runs[1:]]
    if comparison.output is not None:
        parts.append(f"Wrote {escape(comparison.output)}")
    return Group(*parts)


def _cells(figures: Mapping[str, Estimate]) -> list[str]:
    whole, region, contour = (figures[name] for name in ("J&F", "J", "F"))
    interval = "" if whole.interval is None else " to ".join(_signed(end) for end in whole.interval)
    return [f"[bold]{_signed(whole.value)}[/]", interval, _signed(region.value), _signed(contour.value)]


def _changes(letter: str, changes: Sequence[SequenceChange]) -> Table:
    rows = table(f"Largest changes in {letter}", "sequence", figures=("A", letter, "difference"))
    gained = [change for change in changes if change.difference > 0][:_MAX_SHOWN]
    lost = [change for change in changes if change.difference < 0][-_MAX_SHOWN:]
    for change in (*gained, *lost):
        figures = f"{100 * change.before:.1f}", f"{100 * change.after:.1f}", _signed(change.difference)
        rows.add_row(escape(change.sequence), *figures, end_section=bool(gained) and change is gained[-1])
    return rows


def _signed(score: float) -> str:
    return f"{100 * score:+z.1f}"


@command(CompareSettings, show, "visorvos compare scores-before scores-after --output comparison.html")
def compare(settings: CompareSettings, progress: Progress) -> Comparison:
    from visorvos.core.jobs.compare import compare

    return compare(settings, progress)
