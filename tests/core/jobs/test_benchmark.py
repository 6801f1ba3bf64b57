"""``visorvos benchmark``: that it runs and what it reports, not how fast."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.builders import read_labels
from tests.conftest import Run
from tests.core.jobs.measured import dies, keeps_a_log, refuses
from tests.forked import context
from visorvos import VisorVosError
from visorvos.cli.commands.benchmark import show
from visorvos.core.jobs import benchmark as workloads
from visorvos.core.jobs.benchmark import Benchmark, Figure, measure
from visorvos.settings.benchmark import BenchmarkSettings


@pytest.fixture
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes of `measure` start with the imports done; those of the command itself do them."""
    processes = context()
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: processes)


@pytest.mark.usefixtures("_forked")
def test_each_workload_has_its_own_process(tmp_path: Path) -> None:
    peaks, pids = [], []
    for size in (200 << 20, 1000):
        seconds, peak_bytes = measure(partial(keeps_a_log, tmp_path / str(size), size), 2)
        lines = (tmp_path / str(size)).read_text().splitlines()
        assert len(seconds) == 2
        assert len(lines) == 3, "one turn is not counted"
        peaks.append(peak_bytes)
        pids += set(lines)
    assert len(set(pids)) == 2
    assert str(os.getpid()) not in pids
    # The memory of one does not count for the other.
    assert peaks[0] - peaks[1] > 150 << 20


@pytest.mark.usefixtures("_forked")
def test_a_workload_that_fails_ends_the_measurement() -> None:
    with pytest.raises(VisorVosError, match="Nothing works"):
        measure(refuses, 1)
    with pytest.raises(VisorVosError, match="memory ran out"):
        measure(dies, 1)


def test_figures_are_reported_and_shown() -> None:
    figure = Figure("inference", "network, 1 object", "frames/s", (1.0, 1.5, 0.5), 1.0, 1024.0)
    other = Figure("metrics", "masks", "object masks/s", (500.0,), 500.0, 0)
    benchmark = Benchmark({"processor": "P"}, (figure, other), 60)
    found = asdict(benchmark)["figures"][0]
    assert (found["median"], found["rates"], found["peak_mib"]) == (1.0, (1.0, 1.5, 0.5), 1024.0)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(show(benchmark))
    text = console.export_text()
    for part in ("network, 1 object", "1.00 frames/s", "1,024", "500.00 object masks/s", "unknown", "processor P"):
        assert part in text


@pytest.mark.parametrize("objects", [1, 8])
def test_a_video_is_segmented(tmp_path: Path, objects: int) -> None:
    video = workloads.write_video(tmp_path / "video", 48, 64, 3, objects)
    assert read_labels(video.masks[0]).max() == objects
    workloads.segmenting("resnet18", torch.device("cpu"), "float32", video, tmp_path / "masks")()
    assert len(list((tmp_path / "masks" / video.name).iterdir())) == 3


def test_predictions_are_near_the_ground_truth(tmp_path: Path) -> None:
    truth, predictions = workloads.write_masks(tmp_path, 2, 4, 48, 64)
    files = sorted(truth.rglob("*.png"))
    assert len(files) == 8
    for file in files:
        true, predicted = read_labels(file), read_labels(predictions / file.relative_to(truth))
        assert 0.6 < np.mean(true == predicted) < 1


def in_this_process(workload: Callable[[], Callable[[], object]], repeats: int) -> tuple[tuple[float, ...], int]:
    """`measure` without its processes, which import torch once each."""
    workload()()
    return (1.0,) * repeats, 1


def test_the_command_runs_every_part(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workloads, "measure", in_this_process)
    options = ("--backbone", "resnet18", "--objects", 2, "--precision", "float32", "--device", "cpu", "--workers", 1)
    done = run("benchmark", "--quick", "--repeats", 1, *options, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["machine"]["torch"] == torch.__version__
    assert [(figure["part"], figure["unit"]) for figure in found["figures"]] == [
        ("inference", "frames/s"),
        ("training", "clips/s"),
        ("metrics", "object masks/s"),
        ("data", "clips/s per core"),
        ("data", "clips/s per core"),
    ]
    assert all(figure["median"] > 0 for figure in found["figures"])


def test_only_the_chosen_parts_run(run: Run) -> None:
    done = run("benchmark", "--quick", "--only", "metrics", "--repeats", 1, "--workers", 1)
    assert done.code == 0, done.err
    assert "object masks/s" in done.out
    assert "frames/s" not in done.out


def test_options_are_read() -> None:
    settings = BenchmarkSettings(objects=("2", "3"), only=("data",))  # type: ignore[arg-type]
    assert settings.objects == (2, 3)
    with pytest.raises(ValueError, match="8"):
        BenchmarkSettings(objects=(9,))
