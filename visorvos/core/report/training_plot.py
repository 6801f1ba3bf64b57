"""A picture of how training goes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
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
    _draw(loss, rows, "loss_second", _BLUE, label="second frame")
    _draw(loss, rows, "loss_third", _ORANGE, label="third frame")
    _draw(score, rows, "j", _BLUE, label="J", marker=".", linewidth=1)
    _draw(score, rows, "f", _ORANGE, label="F", marker=".", linewidth=1)
    _draw(score, rows, "j_and_f", _GREEN, label="J&F", marker="o")
    _draw(rate, rows, "learning_rate", _BLUE)
    _draw(speed, rows, "clips_per_second", _BLUE)
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


def _draw(axes: Axes, rows: Sequence[Mapping[str, float | None]], name: str, color: str, **style: Any) -> None:  # noqa: ANN401 - Matplotlib's
    """One figure as a line through the rows that have it."""
    points = [(row["clips"], row[name]) for row in rows if row[name] is not None]
    if points:
        axes.plot(*zip(*points, strict=True), color=color, **style)
