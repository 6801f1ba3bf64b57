from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from visorvos.core.training.history import History
from visorvos.core.training.learner import StepResult

RANDOM = np.random.default_rng(0)
STEPS = [
    StepResult(clips=int(clips), second=second, third=third, gradient=gradient, rate=0.1, stop=False)
    for clips, second, third, gradient in zip(
        RANDOM.integers(1, 5, 12), *RANDOM.uniform(0, 3, (3, 12)).tolist(), strict=True
    )
]


def run(history: History, steps: list[StepResult]) -> History:
    for step in steps:
        history.add(step, seconds=0.5)
    return history


def scores(j_and_f: float, j: float, f: float) -> dict[str, float]:
    return {"j_and_f": j_and_f, "j": j, "f": f}


def test_a_row_holds_means_over_the_clips_since_the_last() -> None:
    history = run(History(), STEPS[:5])
    history.close_row()
    history = run(history, STEPS[5:])
    history.close_row()
    row = history.rows[1]
    clips = sum(step.clips for step in STEPS[5:])
    assert row["clips"] == history.clips == sum(step.clips for step in STEPS)
    assert row["loss_second"] == pytest.approx(sum(step.second for step in STEPS[5:]) / clips)
    assert row["loss_third"] == pytest.approx(sum(step.third for step in STEPS[5:]) / clips)
    assert row["loss"] == pytest.approx(row["loss_second"] + row["loss_third"])
    assert row["gradient"] == pytest.approx(np.mean([step.gradient for step in STEPS[5:]]))
    assert row["clips_per_second"] == pytest.approx(clips / 3.5)


def test_no_row_without_steps() -> None:
    history = run(History(), STEPS[:1])
    history.close_row()
    history.close_row()
    assert len(history.rows) == 1


def test_an_evaluation_closes_the_row_and_the_best_is_kept() -> None:
    history = run(History(), STEPS[:2])
    history.close_row(scores(0.5, 0.4, 0.6))
    assert history.best == 0.5
    run(history, STEPS[2:4])
    history.close_row(scores(0.4, 0.6, 0.2))
    assert history.best == 0.5
    run(history, STEPS[4:])
    history.close_row(scores(0.6, 0.6, 0.6))
    assert [row["j_and_f"] for row in history.rows] == [0.5, 0.4, 0.6]
    assert [row["j"] for row in history.rows] == [0.4, 0.6, 0.6]
    assert history.best == 0.6
    assert history.evaluated == history.clips


@pytest.mark.parametrize("at", range(len(STEPS)))
def test_a_history_is_restored_from_its_state(at: int) -> None:
    whole = run(History(), STEPS)
    whole.close_row()
    part = run(History(), STEPS[:at])
    part = run(History(**asdict(part)), STEPS[at:])
    part.close_row()
    assert part == whole
