"""``visorvos benchmark``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Column, Table

from visorvos.cli.command import Command
from visorvos.settings.benchmark import BenchmarkSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.benchmark import Benchmark
    from visorvos.core.runtime.progress import Progress

__all__ = ["COMMAND", "show"]


def run(settings: BenchmarkSettings, progress: Progress) -> Benchmark:
    from visorvos.core.jobs.benchmark import benchmark

    return benchmark(settings, progress)


def show(benchmark: Benchmark) -> Group:
    """One table of all figures, and the machine."""
    table = Table("part", "what", Column("speed", justify="right"), Column("peak MiB", justify="right"))
    for figure in benchmark.figures:
        peak = f"{figure.peak_mib:,.0f}" if figure.peak_mib else "unknown"
        table.add_row(figure.part, escape(figure.what), f"{figure.median:,.2f} {figure.unit}", peak)
    machine = ", ".join(f"{name} {value}" for name, value in benchmark.machine.items())
    return Group(
        table,
        "Speeds are medians. Peak memory is that of the measured process; on a CUDA device, that of the tensors there.",
        f"{escape(machine)}. The benchmark took {benchmark.seconds / 60:.1f} minutes.",
    )


COMMAND = Command(
    "benchmark",
    BenchmarkSettings,
    run,
    show,
    example="visorvos benchmark --only inference --backbone resnet50 --objects 1 --objects 4",
)
