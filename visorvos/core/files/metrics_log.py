"""The measurements of a run of training on disk: ``metrics.csv`` and TensorBoard's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from visorvos.core.files.atomic import write_text
from visorvos.errors import VisorVosError

__all__ = ["MetricsLog"]


class MetricsLog:
    """Keeps a run's rows on disk.

    Args:
        output: the run's folder.
        clips: seen when the run begins or goes on: events beyond are those of an interrupted run, and void.
    """

    def __init__(self, output: Path, clips: int) -> None:
        self.file = output / "metrics.csv"
        self.folder = output / "tensorboard"
        with self._explained():
            self._events = SummaryWriter(str(self.folder), purge_step=clips + 1)

    def write(self, rows: Sequence[Mapping[str, float | None]]) -> None:
        """Writes rows, each with the clips seen under "clips": all as a table, whole, and the last as events.

        Raises:
            VisorVosError: where the system refuses; of events it may tell later, or at the end.
        """
        write_text(self.file, pd.DataFrame(rows).to_csv(index=False))
        with self._explained():
            for name, value in rows[-1].items():
                if name != "clips" and value is not None:
                    self._events.add_scalar(name, value, int(rows[-1]["clips"] or 0))

    def close(self) -> None:
        """Ends the events' file."""
        with self._explained():
            self._events.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise VisorVosError(
                f"Cannot write events to {self.folder}: {error.strerror or error}.",
                "Check that the folder is writable and the disk has room, or choose another --output.",
            ) from error
