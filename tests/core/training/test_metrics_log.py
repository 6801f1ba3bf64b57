from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from visorvos.core.training.metrics_log import MetricsLog

ROWS = [
    {"clips": 100, "loss": 0.5, "j_and_f": None},
    {"clips": 200, "loss": 0.4, "j_and_f": 0.25},
    {"clips": 300, "loss": 0.3, "j_and_f": None},
]


def events(folder: Path, name: str) -> list[tuple[int, float]]:
    accumulator = EventAccumulator(str(folder / "tensorboard"))
    accumulator.Reload()
    return [(event.step, event.value) for event in accumulator.Scalars(name)]


def test_rows_become_a_table_and_events(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, clips=0)
    for number in range(3):
        log.write(ROWS[: number + 1])
    log.close()
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert table["clips"].tolist() == [100, 200, 300]
    assert table["loss"].tolist() == [0.5, 0.4, 0.3]
    assert table["j_and_f"].isna().tolist() == [True, False, True]
    assert events(tmp_path, "loss") == [(100, 0.5), (200, pytest.approx(0.4)), (300, pytest.approx(0.3))]
    assert events(tmp_path, "j_and_f") == [(200, 0.25)]


def test_a_run_that_goes_on_takes_the_place_of_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files are named by the second and a number, and read in the order of names: "10" before "9".
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(9))
    log = MetricsLog(tmp_path, clips=0)
    for number in range(3):
        log.write(ROWS[: number + 1])
    log.close()
    # The checkpoint was of clip 200: what came after is done again, and differs here for the test's sake.
    log = MetricsLog(tmp_path, clips=200)
    log.write([*ROWS[:2], {"clips": 300, "loss": 0.75, "j_and_f": None}])
    log.close()
    assert pd.read_csv(tmp_path / "metrics.csv")["loss"].tolist() == [0.5, 0.4, 0.75]
    assert events(tmp_path, "loss") == [(100, 0.5), (200, pytest.approx(0.4)), (300, 0.75)]


def test_a_clock_that_was_set_back_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").mkdir()
    (tmp_path / "tensorboard" / "events.out.tfevents.9999999999.machine.1.0").touch()
    log = MetricsLog(tmp_path, clips=0)
    log.write(ROWS[:1])
    log.close()
    assert events(tmp_path, "loss") == [(100, 0.5)]
