"""The measurements of a run of training on disk: ``metrics.csv`` and TensorBoard's events."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from torch.utils.tensorboard import SummaryWriter

from visorvos.core.io.atomic import write_file
from visorvos.errors import VisorVosError

__all__ = ["MetricsLog"]

_LONGEST_WAIT = 5.0
"""For a file's name to be free, in seconds: one that clocks of several machines differ by, or one that runs slow."""


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
            self._wait_for_the_last_name()
            self._events = SummaryWriter(str(self.folder), purge_step=clips + 1)

    def write(self, rows: Sequence[Mapping[str, float | None]]) -> None:
        """Writes rows, each with the clips seen under "clips": all as a table, whole, and the last as events.

        Raises:
            VisorVosError: where the system refuses; of events it may tell later, or at the end.
        """
        write_file(self.file, pd.DataFrame(rows).to_csv(index=False))
        with self._explained():
            for name, value in rows[-1].items():
                if name != "clips" and value is not None:
                    self._events.add_scalar(name, value, int(rows[-1]["clips"] or 0))

    def close(self) -> None:
        """Ends the events' file."""
        with self._explained():
            self._events.close()

    def _wait_for_the_last_name(self) -> None:
        """Waits until a file that is begun now comes after all others by its name.

        TensorBoard reads files in the order of their names: the second, then the machine, the process and a number,
        as text. In a second that a file has already, the order may be the other one, and nothing would be void. A
        clock that was set back is not waited for: events of both runs are shown then, and the table is right.
        """
        names = (re.match(r"events\.out\.tfevents\.(\d+)\.", path.name) for path in self.folder.glob("*"))
        last = max((int(name[1]) for name in names if name), default=0)
        while 0 < (ahead := last + 1 - time.time()) <= _LONGEST_WAIT:
            time.sleep(ahead)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise VisorVosError(
                f"Cannot write events to {self.folder}: {error.strerror or error}.",
                "Check that the folder is writable and the disk has room, or choose another --output.",
            ) from error
