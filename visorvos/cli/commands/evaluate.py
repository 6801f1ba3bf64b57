"""``visorvos evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from visorvos.cli.command import Command
from visorvos.cli.console import printable
from visorvos.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.evaluate.job import Evaluation
    from visorvos.core.metrics.bootstrap import Estimate
    from visorvos.core.metrics.scores import Scores
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]

_MAX_ROWS = 40


def run(settings: EvaluateSettings, progress: Progress) -> Evaluation:
    from visorvos.core.jobs.evaluate.job import evaluate

    return evaluate(settings, progress)


def show(evaluation: Evaluation) -> Group:
    """Scores of the data set in percent, then of its sequences, lowest first, with their objects if all of them fit."""
    report = evaluation.report
    several = len(evaluation.parts) > 1
    intervals = evaluation.parts[0].figures["J&F"].interval is not None
    total = Table(title=f"{escape(evaluation.split)} of {escape(evaluation.data)}, protocol {report.protocol}")
    if several:
        total.add_column("", no_wrap=True)
    total.add_column("J&F", justify="right")
    if intervals:
        total.add_column("95 %", justify="right", no_wrap=True)
    for heading in list(evaluation.parts[0].figures)[1:]:
        total.add_column(heading, justify="right")
    for part in evaluation.parts:
        lead, *figures = part.figures.values()
        total.add_row(
            *([part.label.removesuffix(" kitchens")] if several else []),
            f"[bold]{100 * lead.value:z.1f}[/]",
            *([_interval(lead)] if intervals else []),
            *(f"{100 * figure.value:z.1f}" for figure in figures),
        )

    ordered = sorted(report.sequences, key=lambda item: item.j_and_f)
    with_objects = len(ordered) + len(report.objects) <= _MAX_ROWS
    rows = Table(title="Sequences, lowest J&F first")
    rows.add_column("sequence", no_wrap=True)
    rows.add_column("object")
    for heading in ("J&F", "J", "F"):
        rows.add_column(heading, justify="right")
    for sequence in ordered[:_MAX_ROWS]:
        count = len(sequence.objects)
        summary = "" if with_objects else f"{count} object{'s' * (count != 1)}"
        rows.add_row(escape(sequence.sequence), summary, *_figures(sequence), style="bold" if with_objects else None)
        for item in sequence.objects if with_objects else ():
            name = f" {escape(printable(item.name))}" if item.name else ""
            rows.add_row("", f"{item.object_id}{name}", *_figures(item))
    notes = [f"{len(ordered) - _MAX_ROWS} more sequences are not shown."] if len(ordered) > _MAX_ROWS else []
    if evaluation.output:
        notes.append(f"Wrote report.html, scores-*.json and CSV tables to {escape(evaluation.output)}")
    return Group(total, rows, *([" ".join(notes)] if notes else []))


def _interval(estimate: Estimate) -> str:
    return "" if estimate.interval is None else "–".join(f"{100 * end:z.1f}" for end in estimate.interval)  # noqa: RUF001 - a range


def _figures(scores: Scores) -> list[str]:
    return [
        f"{100 * figure:z.1f}"
        for figure in (scores.j_and_f, scores.region_statistics.mean, scores.contour_statistics.mean)
    ]


COMMAND = Command(
    "evaluate",
    EvaluateSettings,
    run,
    show,
    example="visorvos evaluate --data VISOR_2022 --split val --weights visor.pth --output scores",
)
