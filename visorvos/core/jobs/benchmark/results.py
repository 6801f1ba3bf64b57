"""What `benchmark` found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from visorvos.core.jobs.benchmark.contest import Measured, ratio

__all__ = ["Benchmark", "Bound", "Figure"]


@dataclass(frozen=True)
class Bound:
    """What must be done, and what the machine can do at its best, measured in the same turns and precision."""

    multiply_adds: int
    """Of one turn: convolutions and reading the memory, each thing once."""
    convolution: float
    """Multiply-adds a second of a large convolution."""
    product: float
    """Of a large matrix product."""

    @property
    def peak(self) -> float:
        return max(self.convolution, self.product)


@dataclass(frozen=True)
class Figure:
    """One thing that was measured."""

    part: str
    what: str
    unit: str
    amount: float
    """How many units a turn is."""
    ours: Measured
    plain: Measured | None = None
    bound: Bound | None = None
    note: str = ""

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.amount / self.ours.median

    @property
    def plain_rate(self) -> float | None:
        return None if self.plain is None else self.amount / self.plain.median

    @property
    def ratio(self) -> float | None:
        """How many times as fast as the plain form."""
        return None if self.plain is None else ratio(self.plain, self.ours)

    @property
    def share(self) -> float | None:
        """Of the machine's peak that is reached, 0 to 1."""
        return None if self.bound is None else self.bound.multiply_adds / self.ours.median / self.bound.peak

    def __str__(self) -> str:
        plain = "" if self.ratio is None else f", {self.ratio:.2f} times as fast as plain"
        return f"{self.part}: {self.what}: {self.rate:.3g} {self.unit}{plain}."

    def to_dict(self) -> dict[str, Any]:
        bound = None if self.bound is None else {**asdict(self.bound), "share_of_peak": self.share}
        return {
            "part": self.part,
            "what": self.what,
            "unit": self.unit,
            "ours": self._form(self.ours),
            "plain": None if self.plain is None else self._form(self.plain),
            "ratio": self.ratio,
            "bound": bound,
            "note": self.note,
        }

    def _form(self, measured: Measured) -> dict[str, Any]:
        rates = [self.amount / seconds for seconds in measured.seconds]
        return {
            "min": min(rates),
            "median": self.amount / measured.median,
            "max": max(rates),
            "turns": len(rates),
            "seconds": list(measured.seconds),
            "peak_mib": measured.peak_bytes / 2**20,
        }


@dataclass(frozen=True)
class Benchmark:
    """All figures of a run, and of what machine they are."""

    machine: dict[str, str]
    figures: tuple[Figure, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "figures": [figure.to_dict() for figure in self.figures],
            "seconds": self.seconds,
        }
