"""``visorvos benchmark``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape

from visorvos.cli.command import command
from visorvos.cli.console import table
from visorvos.core.runtime.progress import Progress
from visorvos.settings.benchmark import BenchmarkSettings

if TYPE_CHECKING:
    from visorvos.core.jobs.benchmark import Benchmark


def show(benchmark: Benchmark) -> Group:
    """One table of all figures, and the machine."""
    rows = table("", "part", "what", figures=("speed", "peak MiB"))
    for figure in benchmark.figures:
        peak = f"{figure.peak_mib:,.0f}" if figure.peak_mib else "unknown"
        rows.add_row(figure.part, escape(figure.what), f"{figure.median:,.2f} {figure.unit}", peak)
    machine = ", ".join(f"{name} {value}" for name, value in benchmark.machine.items())
    return Group(
        rows,
        "Speeds are medians. Peak memory is that of the measured process; on a CUDA device, that of the tensors there.",
        f"{escape(machine)}. The benchmark took {benchmark.seconds / 60:.1f} minutes.",
    )


@command(BenchmarkSettings, show, "visorvos benchmark --only inference --backbone resnet50 --objects 1 --objects 4")
def benchmark(settings: BenchmarkSettings, progress: Progress) -> Benchmark:
    from visorvos.core.jobs.benchmark import benchmark

    return benchmark(settings, progress)
