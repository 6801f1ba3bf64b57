"""The result of ``visorvos download-weights``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from visorvos.core.jobs.download_weights import DownloadedWeights, WeightsList

__all__ = ["show"]


def show(result: DownloadedWeights | WeightsList) -> RenderableType:
    """The file's path; or what is published."""
    if hasattr(result, "released"):
        return _table(cast("WeightsList", result))
    return escape(result.file)


def _table(result: WeightsList) -> Group:
    table = Table(title="Published weights; scores on VISOR val")
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("backbone", no_wrap=True)
    table.add_column("trained on")
    for heading in ("J&F", "J", "F"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("license")
    for released in result.released:
        scores = (f"{score:.1f}" for score in released.scores)
        table.add_row(released.name, released.backbone, released.trained_on, *scores, released.license)
    notes = [
        "visor-resnet50: without each sequence's last frame; with it 76.4, 74.2, 78.6.",
        f"{result.released[0].license}: {result.released[0].license_link}",
        *(f"{name} is there: {escape(file)}" for name, file in result.files.items()),
    ]
    return Group(table, *notes)
