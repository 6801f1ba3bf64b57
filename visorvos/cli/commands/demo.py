"""``visorvos demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.style import Style
from rich.table import Table
from rich.text import Text

from visorvos.cli.command import Command
from visorvos.settings.demo import DemoSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.demo.job import Demo
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]

_COLUMNS = 72


def run(settings: DemoSettings, progress: Progress) -> Demo:
    from visorvos.core.jobs.demo.job import demo

    return demo(settings, progress)


def show(demo: Demo) -> Group:
    """A picture, the scores before and after training, and where the files are."""
    prediction = demo.overlay.parent
    parts: list[RenderableType] = [
        _Picture(demo.overlay),
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
    table = Table(title="Videos that the network was not trained on")
    table.add_column("masks")
    for column in ("J&F", "J", "F"):
        table.add_column(column, justify="right")
    rows = {
        "network before training": demo.untrained,
        "first mask, copied to every frame": demo.copied,
        "network after both stages": demo.trained,
    }
    for name, evaluation in rows.items():
        report = evaluation.report
        scores = (report.j_and_f, report.region_statistics.mean, report.contour_statistics.mean)
        style = "bold" if evaluation is demo.trained else None
        table.add_row(name, *(f"{100 * score:.1f}" for score in scores), style=style)
    return table


class _Picture:
    """An image in a terminal with colors; nothing elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.is_terminal and console.color_system is not None:
            yield _half_blocks(self.path)


def _half_blocks(path: Path) -> Text:
    """An image in colored half blocks, two pixels per character."""
    from PIL import Image

    with Image.open(path) as image:
        rows = round(_COLUMNS * image.height / image.width / 2)
        small = image.convert("RGB").resize((_COLUMNS, 2 * rows), Image.Resampling.LANCZOS)
    text = Text()
    for row in range(rows):
        for column in range(_COLUMNS):
            upper, lower = (small.getpixel((column, 2 * row + half)) for half in (0, 1))
            text.append("▀", Style(color=_hex(upper), bgcolor=_hex(lower)))
        text.append("\n")
    return text


def _hex(pixel: object) -> str:
    red, green, blue = pixel if isinstance(pixel, tuple) else (0, 0, 0)
    return f"#{red:02x}{green:02x}{blue:02x}"


COMMAND = Command(
    "demo",
    DemoSettings,
    run,
    show,
    example="visorvos demo --output demo",
)
