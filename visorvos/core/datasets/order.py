"""The order of the samples, and the random numbers of each one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def sample_of(number: int, samples: int, seed: int) -> tuple[int, int]:
    """The epoch and the sample of a clip. Each epoch goes through all samples in its own order.

    Args:
        number: of the clip since training began, from 0.
        samples: number of samples.
        seed: of the order, 0 or more.
    """
    epoch, place = divmod(number, samples)
    return epoch, int(_order(seed, epoch, samples)[place])


def generator(seed: int, epoch: int, sample: int) -> np.random.Generator:
    """The source of all random numbers of one sample in one epoch, the same in any process."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch, sample)))


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """An epoch's order. Two are cached, since a batch can span two epochs."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return random.permutation(samples)
