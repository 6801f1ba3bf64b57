"""``--log-with``: TensorBoard and Weights & Biases beside ``metrics.csv``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Run
from tests.training_runs import arguments
from visorvos.core.training import learner
from visorvos.core.training.run_folder import checkpoints

pytestmark = pytest.mark.usefixtures("no_plot")


def logged(output: Path, name: str) -> list[tuple[int, float]]:
    accumulation = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulation.EventAccumulator(str(output / "tensorboard" / "visorvos"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_tensorboard_shows_the_rows_of_the_metrics(run: Run, data: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    command = arguments(data, output, weights, "--log-with", "tensorboard")
    assert run(*command).code == 0
    table = pd.read_csv(output / "metrics.csv")
    assert logged(output, "loss") == [(row.clips, pytest.approx(row.loss)) for row in table.itertuples()]
    assert [step for step, _ in logged(output, "j_and_f")] == [6, 12]
    # A run that lost its last checkpoint repeats the steps after the one before; TensorBoard then shows them once.
    checkpoints(output)[-1].unlink()
    assert run(*command, "--resume").code == 0
    assert [step for step, _ in logged(output, "loss")] == [4, 6, 8, 12]


def test_wandb_logs_offline(
    run: Run, monkeypatch: pytest.MonkeyPatch, data: Path, weights: Path, tmp_path: Path
) -> None:
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    output = tmp_path / "out"
    assert run(*arguments(data, output, weights, "--log-with", "wandb", iterations=4, evaluate_every=0)).code == 0
    wandb.teardown()  # Its service may write after the run has ended.
    (file,) = output.glob("wandb/offline-run-*/run-*.wandb")
    content = file.read_bytes()
    assert b"loss_second" in content
    assert b"crop_size" in content, "the settings are the run's config"


def test_a_tracker_that_is_not_installed_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, data: Path, weights: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(learner, "get_available_trackers", list)
    done = run(*arguments(data, tmp_path / "out", weights, "--log-with", "wandb"))
    assert done.code == 1
    assert "the package wandb is not installed" in done.err
    assert "pip install 'visorvos[wandb]'" in done.err
    assert not (tmp_path / "out").exists()
