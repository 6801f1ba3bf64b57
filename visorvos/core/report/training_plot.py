"""A picture of how training goes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

_BLUE, _ORANGE, _GREEN = "#2563a8", "#c8641c", "#2f7d4f"


def training_plot(rows: Sequence[Mapping[str, float | None]]) -> bytes:
    """Loss, J&F, learning rate and clips per second over the clips seen, as PNG.

    Args:
        rows: figures by name, as in ``metrics.csv``, in the order of "clips"; None where one was not measured.
    """
    figure = Figure(figsize=(10, 6.4), layout="constrained")
    loss, score, rate, speed = figure.subplots(2, 2).flat
    table = pd.DataFrame(rows, dtype=float)
    for axes, name, style in (
        (loss, "loss_second", {"color": _BLUE, "label": "second frame"}),
        (loss, "loss_third", {"color": _ORANGE, "label": "third frame"}),
        (score, "j", {"color": _BLUE, "label": "J", "marker": ".", "linewidth": 1}),
        (score, "f", {"color": _ORANGE, "label": "F", "marker": ".", "linewidth": 1}),
        (score, "j_and_f", {"color": _GREEN, "label": "J&F", "marker": "o"}),
        (rate, "learning_rate", {"color": _BLUE}),
        (speed, "clips_per_second", {"color": _BLUE}),
    ):
        points = table[["clips", name]].dropna()
        if len(points):
            axes.plot(*points.to_numpy().T, **style)
    loss.set(title="Loss", ylabel="cross-entropy")
    score.set(title="Validation", ylabel="score", ylim=(0, 1))
    rate.set(title="Learning rate")
    speed.set(title="Speed", ylabel="clips/s")
    if not score.lines:
        score.text(0.5, 0.5, "no evaluation yet", transform=score.transAxes, ha="center", color="gray")
    for axes in (loss, score, rate, speed):
        if axes is not score:
            axes.axhline(0, color="none")  # From 0, with a margin on top.
            axes.set_ylim(0, None)
        axes.set(xlabel="clips seen", xlim=(0, rows[-1]["clips"]))
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
