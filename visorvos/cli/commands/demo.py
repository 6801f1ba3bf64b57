"""``visorvos demo``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from visorvos.cli.command import command
from visorvos.cli.console import table
from visorvos.core.runtime.progress import Progress
from visorvos.settings.demo import DemoSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.demo import Demo


def show(demo: Demo) -> Group:
    """The scores before and after training, and where the files are."""
    prediction = demo.overlay.parent
    parts: list[RenderableType] = [
        _scores(demo),
        f"Twelve frames with predicted masks: [bold]{escape(str(demo.overlay))}[/]",
        f"All frames as a video: [bold]{escape(str(prediction / 'overlay.mp4'))}[/]",
        f"Report with every sequence and object: [bold]{escape(str(demo.trained.output))}/report.html[/]",
        f"Weights: [bold]{escape(str(demo.weights))}[/], with training.png beside them",
        f"The demo took {demo.seconds / 60:.1f} minutes.",
    ]
    if demo.quick:
        parts.append("The scores mean nothing: with --quick the network sees a few clips only.")
    return Group(*parts)


def _scores(demo: Demo) -> Table:
    """J&F, J and F of the three evaluations."""
    rows = table("Videos that the network was not trained on", "masks", figures=("J&F", "J", "F"))
    evaluations = {
        "network before training": demo.untrained,
        "first mask, copied to every frame": demo.copied,
        "network after both stages": demo.trained,
    }
    for name, evaluation in evaluations.items():
        report = evaluation.report
        scores = (report.j_and_f, report.region_statistics.mean, report.contour_statistics.mean)
        style = "bold" if evaluation is demo.trained else None
        rows.add_row(name, *(f"{100 * score:.1f}" for score in scores), style=style)
    return rows


@command(DemoSettings, show, "visorvos demo --output demo")
def demo(settings: DemoSettings, progress: Progress) -> Demo:
    from visorvos.core.jobs.demo import demo

    return demo(settings, progress)
