"""The learning rate over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """A learning rate that depends only on the number of clips seen."""

    peak: float
    warm_up: int
    """Clips over which the rate rises linearly."""
    iterations: int
    """Clips of the whole run."""
    shape: Literal["constant", "cosine"]
    """After the warm-up: constant, or half a cosine down to zero (Loshchilov and Hutter 2017)."""

    def rate(self, clips: int) -> float:
        """The rate of the step that begins after ``clips`` clips."""
        if clips < self.warm_up:
            return self.peak * (clips + 1) / (self.warm_up + 1)
        if self.shape == "constant":
            return self.peak
        part = (clips - self.warm_up) / max(self.iterations - self.warm_up, 1)
        return self.peak * (1 + math.cos(math.pi * part)) / 2
