from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from visorvos.core.labels import object_ids


@pytest.mark.parametrize("shape", [(0,), (1,), (7, 9), (1025, 1025)])
def test_ids_are_those_of_a_plain_search(shape: tuple[int, ...]) -> None:
    labels = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8) // 3
    assert object_ids(labels) == sorted({int(value) for value in labels.flat} - {0})


def test_counting_takes_little_memory() -> None:
    labels = np.full((4096, 4096), 255, np.uint8)
    tracemalloc.start()
    assert object_ids(labels) == [255]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < labels.nbytes
