"""``visorvos evaluate``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape

from visorvos.cli.command import command
from visorvos.cli.console import printable, table
from visorvos.core.runtime.progress import Progress
from visorvos.errors import counted
from visorvos.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.evaluate import Evaluation
    from visorvos.core.metrics.scores import Scores

_MAX_ROWS = 40


def show(evaluation: Evaluation) -> Group:
    """Scores of the data set in percent, then of its sequences, lowest first, with their objects if all of them fit."""
    report = evaluation.report
    lead, *others = evaluation.parts[0].figures
    title = f"{evaluation.split} of {evaluation.data}, protocol {report.protocol}"
    total = table(title, "", figures=(lead, "95%", *others))
    for part in evaluation.parts:
        first, *rest = (f"{100 * figure.value:z.1f}" for figure in part.figures.values())
        interval = "–".join(f"{100 * end:z.1f}" for end in part.figures[lead].interval or ())  # noqa: RUF001 - a range
        total.add_row(part.label.removesuffix(" kitchens"), f"[bold]{first}[/]", interval, *rest)

    ordered = sorted(report.sequences, key=lambda item: item.j_and_f)
    with_objects = len(ordered) + len(report.objects) <= _MAX_ROWS
    rows = table("Sequences, lowest J&F first", "sequence", "object", figures=("J&F", "J", "F"))
    for sequence in ordered[:_MAX_ROWS]:
        summary = "" if with_objects else counted(len(sequence.objects), "object")
        rows.add_row(escape(sequence.sequence), summary, *_figures(sequence), style="bold" if with_objects else None)
        for item in sequence.objects if with_objects else ():
            name = f" {escape(printable(item.name))}" if item.name else ""
            rows.add_row("", f"{item.object_id}{name}", *_figures(item))
    notes = [f"{len(ordered) - _MAX_ROWS} more sequences are not shown."] if len(ordered) > _MAX_ROWS else []
    if evaluation.output:
        notes.append(f"Wrote report.html, scores-*.json and CSV tables to {escape(evaluation.output)}")
    return Group(total, rows, *([" ".join(notes)] if notes else []))


def _figures(scores: Scores) -> list[str]:
    means = (scores.j_and_f, scores.region_statistics.mean, scores.contour_statistics.mean)
    return [f"{100 * mean:z.1f}" for mean in means]


@command(EvaluateSettings, show, "visorvos evaluate --data VISOR_2022 --split val --weights visor.pth --output scores")
def evaluate(settings: EvaluateSettings, progress: Progress) -> Evaluation:
    from visorvos.core.jobs.evaluate import evaluate

    return evaluate(settings, progress)
