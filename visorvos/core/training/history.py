"""What a training run has measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from visorvos.core.training.learner import StepResult

__all__ = ["History", "Row", "Scores"]


@dataclass(frozen=True)
class Scores:
    """An evaluation on the validation split, each figure from 0 to 1."""

    j_and_f: float
    j: float
    f: float


@dataclass(frozen=True)
class Row:
    """A row of ``metrics.csv``: means since the row before."""

    clips: int
    """Clips seen since training began."""
    loss: float
    """Sum of the two losses below, per clip."""
    loss_second: float
    loss_third: float
    gradient: float
    """Norm of a step's summed gradient."""
    learning_rate: float
    """Learning rate of the last step."""
    clips_per_second: float
    j_and_f: float | None = None
    j: float | None = None
    f: float | None = None


@dataclass
class _Sums:
    """Steps that are in no row yet."""

    clips: int = 0
    steps: int = 0
    second: float = 0.0
    third: float = 0.0
    gradient: float = 0.0
    seconds: float = 0.0
    learning_rate: float = 0.0


@dataclass
class History:
    """The position in the data and the rows of ``metrics.csv``."""

    clips: int = 0
    evaluated: int = 0
    """Clips seen at the last evaluation."""
    best: float = -1.0
    """The highest J&F so far; -1 before the first evaluation."""
    rows: list[Row] = field(default_factory=list)
    _open: _Sums = field(default_factory=_Sums)

    def add(self, result: StepResult, learning_rate: float, seconds: float) -> None:
        """Adds a step, its learning rate and its duration."""
        self.clips += result.clips
        self._open.clips += result.clips
        self._open.steps += 1
        self._open.second += result.second
        self._open.third += result.third
        self._open.gradient += result.gradient
        self._open.seconds += seconds
        self._open.learning_rate = learning_rate

    def close_row(self) -> None:
        """Adds a row for the steps since the last one, if there were any."""
        sums = self._open
        if sums.clips:
            second, third, gradient = sums.second / sums.clips, sums.third / sums.clips, sums.gradient / sums.steps
            speed = sums.clips / sums.seconds
            self.rows.append(Row(self.clips, second + third, second, third, gradient, sums.learning_rate, speed))
            self._open = _Sums()

    def add_scores(self, scores: Scores) -> None:
        """Closes the row and adds an evaluation to it."""
        self.close_row()
        self.evaluated = self.clips
        self.rows[-1] = replace(self.rows[-1], **asdict(scores))
        self.best = max(self.best, scores.j_and_f)

    def table(self) -> list[dict[str, float | None]]:
        """The rows as dictionaries."""
        return [asdict(row) for row in self.rows]

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and dictionaries."""
        return asdict(self)

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any]) -> History:
        rows = [Row(**row) for row in state["rows"]]
        return cls(state["clips"], state["evaluated"], state["best"], rows, _Sums(**state["_open"]))
