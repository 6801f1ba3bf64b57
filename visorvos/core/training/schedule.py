"""The learning rate over a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """A learning rate that follows from the number of clips seen alone."""

    peak: float
    warm_up: int
    """Clips over which the rate rises in a straight line."""
    iterations: int
    """Clips of the whole run."""
    shape: Literal["constant", "cosine"]
    """After the warm-up: as it is, or half a cosine down to nought (Loshchilov and Hutter 2017)."""

    def rate(self, clips: int) -> float:
        """The rate of the step that begins when so many clips have been seen."""
        if clips < self.warm_up:
            return self.peak * (clips + 1) / (self.warm_up + 1)
        if self.shape == "constant":
            return self.peak
        part = (clips - self.warm_up) / max(self.iterations - self.warm_up, 1)
        return self.peak * (1 + math.cos(math.pi * part)) / 2
