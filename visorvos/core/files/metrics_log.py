"""The measurements of a run of training on disk: ``metrics.csv`` and TensorBoard's events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from visorvos.core.files.atomic import write_text

__all__ = ["MetricsLog"]


class MetricsLog:
    """Keeps a run's rows on disk.

    Args:
        output: the run's folder.
        clips: seen when the run begins or goes on: events beyond are those of an interrupted run, and void.
    """

    def __init__(self, output: Path, clips: int) -> None:
        self.file = output / "metrics.csv"
        self._events = SummaryWriter(str(output / "tensorboard"), purge_step=clips + 1)

    def write(self, rows: Sequence[Mapping[str, float | None]]) -> None:
        """Writes rows, each with the clips seen under "clips": all as a table, whole, and the last as events."""
        write_text(self.file, pd.DataFrame(rows).to_csv(index=False))
        for name, value in rows[-1].items():
            if name != "clips" and value is not None:
                self._events.add_scalar(name, value, int(rows[-1]["clips"] or 0))

    def close(self) -> None:
        """Ends the events' file."""
        self._events.close()
