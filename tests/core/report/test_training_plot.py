from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from visorvos.core.report.training_plot import training_plot

COLORS = {"loss_second": (0x25, 0x63, 0xA8), "j_and_f": (0x2F, 0x7D, 0x4F)}


def row(clips: int, j_and_f: float | None = None) -> dict[str, float | None]:
    losses = {"loss": 2.0, "loss_second": 1.0, "loss_third": 1.0, "gradient": 1.0}
    return {
        "clips": clips,
        **losses,
        "learning_rate": 1e-5,
        "clips_per_second": 3.0,
        "j_and_f": j_and_f,
        "j": j_and_f,
        "f": j_and_f,
    }


def drawn(rows: list[dict[str, float | None]]) -> np.ndarray:
    with Image.open(io.BytesIO(training_plot(rows))) as image:
        return np.asarray(image.convert("RGB"))


def pixels(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(axis=2).sum())


@pytest.mark.parametrize("count", [1, 2, 5000])
def test_runs_of_any_length_are_drawn(count: int) -> None:
    picture = drawn([row(400 * (number + 1)) for number in range(count)])
    assert picture.shape[0] >= 600
    assert picture.shape[1] >= 1000


def test_a_figure_that_was_measured_leaves_its_line() -> None:
    without = drawn([row(100), row(200), row(300)])
    scored = drawn([row(100, 0.2), row(200), row(300, 0.9)])
    upper_right = (slice(None, without.shape[0] // 2), slice(without.shape[1] // 2, None))
    assert pixels(without[upper_right], COLORS["j_and_f"]) == 0
    assert pixels(scored[upper_right], COLORS["j_and_f"]) > 200
