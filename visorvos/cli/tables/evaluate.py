"""The result of ``visorvos evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from visorvos.cli.console import printable

if TYPE_CHECKING:
    from visorvos.core.jobs.evaluate.job import Evaluation
    from visorvos.core.metrics.bootstrap import Estimate

__all__ = ["show"]

MEASURES = ("J&F", "J", "J recall", "J decay", "F", "F recall", "F decay")

_ROWS = 40


def show(evaluation: Evaluation) -> Group:
    """The data set's scores in percent, then those of sequences and objects, the lowest first."""
    report = evaluation.report
    several = len(evaluation.parts) > 1
    intervals = evaluation.parts[0].figures["J&F"].interval is not None
    total = Table(title=f"{escape(evaluation.split)} of {escape(evaluation.data)}, protocol {report.protocol}")
    if several:
        total.add_column("", no_wrap=True)
    total.add_column("J&F", justify="right")
    if intervals:
        total.add_column("95 %", justify="right", no_wrap=True)
    for heading in MEASURES[1:]:
        total.add_column(heading, justify="right")
    for part in evaluation.parts:
        lead, *figures = (part.figures[name] for name in MEASURES)
        total.add_row(
            *([part.label.removesuffix(" kitchens")] if several else []),
            f"[bold]{100 * lead.value:.1f}[/]",
            *([_interval(lead)] if intervals else []),
            *(f"{100 * figure.value:.1f}" for figure in figures),
        )

    rows = Table(title="The lowest sequences first")
    rows.add_column("sequence", no_wrap=True)
    rows.add_column("object")
    for heading in ("J&F", "J", "F"):
        rows.add_column(heading, justify="right")
    shown = 0
    ordered = sorted(report.sequences, key=lambda item: item.j_and_f)
    for sequence in ordered:
        if shown and shown + 1 + len(sequence.objects) > _ROWS:
            break
        rows.add_row(escape(sequence.sequence), "", *_figures(sequence), style="bold")
        for item in sequence.objects:
            name = f" {escape(printable(item.name))}" if item.name else ""
            rows.add_row("", f"{item.object_id}{name}", *_figures(item))
        shown += 1 + len(sequence.objects)
    where = f"Tables, JSON and report.html are in {escape(evaluation.output)}." if evaluation.output else ""
    left = len(ordered) - sum(1 for cell in rows.columns[0].cells if cell)
    more = f"{left} more sequences not shown. " if left else ""
    return Group(total, rows, more + where) if more or where else Group(total, rows)


def _interval(estimate: Estimate) -> str:
    return "" if estimate.interval is None else "–".join(f"{100 * end:.1f}" for end in estimate.interval)  # noqa: RUF001 - a range


def _figures(scores: Any) -> list[str]:  # noqa: ANN401 - sequences and objects answer alike
    return [
        f"{100 * figure:.1f}"
        for figure in (scores.j_and_f, scores.region_statistics.mean, scores.contour_statistics.mean)
    ]
