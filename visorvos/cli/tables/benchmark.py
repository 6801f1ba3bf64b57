"""The result of ``visorvos benchmark``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from visorvos.core.jobs.benchmark.results import Benchmark, Figure

__all__ = ["show"]


def show(benchmark: Benchmark) -> Group:
    """A table a part, and the machine."""
    parts = dict.fromkeys(figure.part for figure in benchmark.figures)
    tables: list[RenderableType] = [
        _table(part, [figure for figure in benchmark.figures if figure.part == part]) for part in parts
    ]
    machine = ", ".join(f"{name} {value}" for name, value in benchmark.machine.items())
    return Group(
        *tables,
        "Medians; plain: the same work as the reference does it, in float32 and one process; ratio: of each round of "
        "turns, then the median. Peak memory is that of the largest process, on a GPU that of its tensors.",
        f"{escape(machine)}. The whole took {benchmark.seconds / 60:.1f} minutes.",
    )


def _table(part: str, figures: list[Figure]) -> Table:
    bounded = any(figure.bound for figure in figures)
    table = Table(title=part)
    table.add_column("")
    for heading in (figures[0].unit, "plain", "ratio", "peak MiB", "plain"):
        table.add_column(heading, justify="right")
    for heading in ("GMAC", "of the machine's best") if bounded else ():
        table.add_column(heading, justify="right")
    for figure in figures:
        cells = [
            escape(figure.what),
            _number(figure.rate),
            _number(figure.plain_rate),
            "–" if figure.ratio is None else f"{figure.ratio:.2f}",  # noqa: RUF001 - nothing to show
            f"{figure.ours.peak_bytes / 2**20:,.0f}",
            "–" if figure.plain is None else f"{figure.plain.peak_bytes / 2**20:,.0f}",  # noqa: RUF001
        ]
        if figure.bound is not None and figure.share is not None:
            work = figure.bound.multiply_adds / figure.amount / 1e9
            cells += [f"{work:,.0f}", f"{100 * figure.share:.0f} % of {figure.bound.peak / 1e9:,.0f} GMAC/s"]
        table.add_row(*cells)
    notes = [f"{escape(figure.what)}: {escape(figure.note)}." for figure in figures if figure.note]
    table.caption = "\n".join(notes) or None
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "–"  # noqa: RUF001 - nothing to show
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
