"""Which sample comes when, and the random numbers that belong to it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["generator", "sample_of"]


def sample_of(number: int, samples: int, seed: int) -> tuple[int, int]:
    """The epoch and the sample of a clip. Each epoch goes through all samples in an order of its own.

    Args:
        number: of the clip since training began, from 0.
        samples: how many there are.
        seed: of the order, 0 or more.
    """
    epoch, place = divmod(number, samples)
    return epoch, int(_order(seed, epoch, samples)[place])


def generator(seed: int, epoch: int, sample: int) -> np.random.Generator:
    """The source of all random numbers of one sample in one epoch, the same in any process."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, sample)))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """An epoch's order. Two are kept, since a batch can lie in two epochs."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return random.permutation(samples)
