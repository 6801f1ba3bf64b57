from __future__ import annotations

import math

import pytest

from visorvos.core.training.learner import learning_rate
from visorvos.settings.finetune import FinetuneSettings


def rates(clips: range, lr: float, warm_up: int, iterations: int, schedule: str) -> list[float]:
    options = {"lr": lr, "warm_up": warm_up, "clips": iterations, "schedule": schedule}
    settings = FinetuneSettings.model_validate({"data": "unused", "output": "unused", **options})
    return [learning_rate(settings, number) for number in clips]


def test_the_recipes_rate_is_constant() -> None:
    assert set(rates(range(1000), 1e-5, 0, 1000, "constant")) == {1e-5}


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_the_rate_rises_linearly_to_its_peak(schedule: str) -> None:
    found = rates(range(10), 1.0, 9, 100, schedule)
    assert found == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def test_a_cosine_falls_from_the_peak_to_zero() -> None:
    found = rates(range(20, 120), 2.0, 20, 120, "cosine")
    assert found[::25] == pytest.approx([2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5)])
    assert 0 < found[-1] < 1e-3


def test_a_warm_up_may_last_the_whole_run() -> None:
    assert rates(range(49, 50), 1.0, 50, 50, "cosine") == pytest.approx([50 / 51])
