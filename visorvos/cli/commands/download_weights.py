"""``visorvos download-weights``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape

from visorvos.cli.command import command
from visorvos.cli.console import table
from visorvos.core.runtime.progress import Progress
from visorvos.settings.download_weights import DownloadWeightsSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.download_weights import DownloadedWeights, WeightsList


def show(result: DownloadedWeights | WeightsList) -> RenderableType:
    """The path of the file, or the table of published weights."""
    if hasattr(result, "file"):
        return escape(result.file)
    columns = ("name", "backbone", "trained on", "license")
    rows = table("Published weights; scores on VISOR val", *columns, figures=("J&F", "J", "F"))
    rows.columns[0].no_wrap = True
    for weights in result.published:
        scores = (f"{score:.1f}" for score in weights.scores)
        rows.add_row(f"[bold]{weights.name}[/]", weights.backbone, weights.trained_on, weights.license, *scores)
    notes = [
        "visor-resnet50 was scored without each sequence's last frame; with it: 76.4, 74.2, 78.6.",
        f"{result.published[0].license}: {result.published[0].license_link}",
        *(f"{name} is downloaded: {escape(file)}" for name, file in result.files.items()),
    ]
    return Group(rows, *notes)


@command(DownloadWeightsSettings, show, "visorvos download-weights visor-resnet50")
def download_weights(settings: DownloadWeightsSettings, progress: Progress) -> DownloadedWeights | WeightsList:
    from visorvos.core.jobs.download_weights import download_weights

    return download_weights(settings, progress)
