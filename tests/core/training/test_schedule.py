from __future__ import annotations

import math

import pytest

from visorvos.core.training.schedule import Schedule


def test_the_recipes_rate_is_constant() -> None:
    schedule = Schedule(1e-5, warm_up=0, iterations=1000, shape="constant")
    assert {schedule.rate(clips) for clips in range(1000)} == {1e-5}


@pytest.mark.parametrize("shape", ["constant", "cosine"])
def test_the_rate_rises_linearly_to_its_peak(shape: str) -> None:
    schedule = Schedule(1.0, warm_up=9, iterations=100, shape=shape)  # type: ignore[arg-type]
    rates = [schedule.rate(clips) for clips in range(10)]
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def test_a_cosine_falls_from_the_peak_to_zero() -> None:
    schedule = Schedule(2.0, warm_up=20, iterations=120, shape="cosine")
    assert [schedule.rate(clips) for clips in (20, 45, 70, 95)] == pytest.approx(
        [2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5)]
    )
    assert 0 < schedule.rate(119) < 1e-3


def test_a_warm_up_may_last_the_whole_run() -> None:
    schedule = Schedule(1.0, warm_up=50, iterations=50, shape="cosine")
    assert schedule.rate(49) == pytest.approx(50 / 51)
