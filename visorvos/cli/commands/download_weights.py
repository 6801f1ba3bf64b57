"""``visorvos download-weights``."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from visorvos.cli.command import Command
from visorvos.settings.download_weights import DownloadWeightsSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.download_weights import DownloadedWeights, WeightsList
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: DownloadWeightsSettings, progress: Progress) -> DownloadedWeights | WeightsList:
    from visorvos.core.jobs.download_weights import download_weights

    return download_weights(settings, progress)


def show(result: DownloadedWeights | WeightsList) -> RenderableType:
    """The path of the file, or the table of published weights."""
    if hasattr(result, "published"):
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
    for weights in result.published:
        scores = (f"{score:.1f}" for score in weights.scores)
        table.add_row(weights.name, weights.backbone, weights.trained_on, *scores, weights.license)
    notes = [
        "visor-resnet50 was scored without each sequence's last frame; with it: 76.4, 74.2, 78.6.",
        f"{result.published[0].license}: {result.published[0].license_link}",
        *(f"{name} is downloaded: {escape(file)}" for name, file in result.files.items()),
    ]
    return Group(table, *notes)


COMMAND = Command(
    "download-weights", DownloadWeightsSettings, run, show, example="visorvos download-weights visor-resnet50"
)
