"""The result of ``visorvos demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.markup import escape
from rich.style import Style
from rich.text import Text

from visorvos.cli.tables import evaluate

if TYPE_CHECKING:
    from visorvos.core.jobs.demo import Demo

__all__ = ["show"]

_COLUMNS = 72


def show(demo: Demo) -> Group:
    """The last overlay, the scores, and that they mean nothing."""
    parts: list[RenderableType] = [
        _Picture(demo.overlay),
        f"The last frame with the masks found: [bold]{escape(str(demo.overlay))}[/]",
        f"All frames as a video: [bold]{escape(str(demo.overlay.parent.with_suffix('.mp4')))}[/]",
        evaluate.show(demo.evaluation),
        "[bold yellow]The weights are untrained:[/] random numbers in place of what training finds. The masks after "
        "the first frame, and so the scores, show that everything runs, not how well a trained network does.",
    ]
    return Group(*parts)


class _Picture:
    """An image for a terminal with colours; nothing elsewhere."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if console.is_terminal and console.color_system is not None:
            yield _half_blocks(self.path)


def _half_blocks(path: Path) -> Text:
    """An image in coloured half blocks, two pixels a character."""
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
