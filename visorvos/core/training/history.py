"""What a training run has measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from visorvos.core.training.learner import StepResult


@dataclass
class History:
    """The position in the data and the rows of ``metrics.csv``: plain values, so that `asdict` is its state.

    A row has the number of clips seen, and since the row before: the mean losses per clip, the mean norm of a step's
    summed gradient, the last learning rate and the clips per second. Scores are from 0 to 1, None without an
    evaluation.
    """

    clips: int = 0
    evaluated: int = 0
    """Clips seen at the last evaluation."""
    best: float = -1.0
    """The highest J&F so far; -1 before the first evaluation."""
    rows: list[dict[str, float | None]] = field(default_factory=list)
    _open: dict[str, float] = field(default_factory=dict)
    """Sums over the steps that are in no row yet."""

    def add(self, result: StepResult, seconds: float) -> None:
        """Adds a step and its duration."""
        self.clips += result.clips
        step = {"clips": result.clips, "steps": 1, "second": result.second, "third": result.third}
        step |= {"gradient": result.gradient, "seconds": seconds}
        self._open = {name: self._open.get(name, 0) + value for name, value in step.items()}
        self._open["learning_rate"] = result.rate

    def close_row(self, scores: Mapping[str, float] | None = None) -> None:
        """Adds a row for the steps since the last one, if there were any; it gets the scores of an evaluation.

        Args:
            scores: "j_and_f", "j" and "f".
        """
        if self._open.get("clips"):
            sums, self._open = self._open, {}
            second, third = sums["second"] / sums["clips"], sums["third"] / sums["clips"]
            self.rows.append(
                {
                    "clips": self.clips,
                    "loss": second + third,
                    "loss_second": second,
                    "loss_third": third,
                    "gradient": sums["gradient"] / sums["steps"],
                    "learning_rate": sums["learning_rate"],
                    "clips_per_second": sums["clips"] / sums["seconds"],
                    **dict.fromkeys(("j_and_f", "j", "f")),
                }
            )
        if scores is not None:
            self.rows[-1].update(scores)
            self.evaluated, self.best = self.clips, max(self.best, scores["j_and_f"])
