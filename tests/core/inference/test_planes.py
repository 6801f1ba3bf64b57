from __future__ import annotations

import numpy as np
import pytest
import torch

from visorvos.core.inference.planes import resize_mask


def shown(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return resize_mask(torch.from_numpy(labels.astype(np.uint8)), size).numpy()


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("place", range(40, 46))
def test_a_thin_line_keeps_its_share_wherever_it_lies(place: int, turn: bool) -> None:
    """Three pixels of 2160, shrunk to 480: sampling every 4.5th row misses it in one place of three."""
    labels = np.zeros((2160, 90), np.uint8)
    labels[place : place + 3] = 7
    labels = labels.T if turn else labels
    size = (20, 480) if turn else (480, 20)
    found = shown(labels, size)
    lines = (found == 7).any(axis=0 if turn else 1)
    assert 1 <= lines.sum() <= 2
    assert abs(np.flatnonzero(lines).mean() - (place + 1) / 4.5) <= 1
    assert (found == 7).sum() >= 20 * 3 / 4.5 / 2


def test_small_objects_beside_each_other_stay() -> None:
    labels = np.zeros((400, 400), np.uint8)
    for index in range(1, 10):
        labels[40 * index : 40 * index + 4, 100:104] = index
    labels[300:304, 200:204] = 200
    labels[300:302, 200:202] = 201
    found = shown(labels, (40, 40))
    assert set(np.unique(found)) >= {*range(1, 10), 201}
    for index in range(1, 7):
        assert list(np.argwhere(found == index)[0]) == [4 * index, 10]


def test_large_objects_are_sampled_at_the_centers() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 4, (6, 8), dtype=np.uint8).repeat(40, axis=0).repeat(40, axis=1)
    np.testing.assert_array_equal(shown(labels, (48, 64)), labels[2::5, 2::5])
