"""The output folder of a training run: weights, checkpoints, metrics and the plot."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from visorvos.core.io.atomic import write_file
from visorvos.core.io.settings_file import SETTINGS_FILE, write_settings
from visorvos.core.report.training_plot import training_plot
from visorvos.core.runtime.progress import Progress
from visorvos.core.runtime.run_state import MadeFrom, read_state, write_state
from visorvos.core.training.history import History
from visorvos.core.training.learner import Learner
from visorvos.core.weights.checkpoints import save_weights
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings

LAST = "last.safetensors"
BEST = "best.safetensors"

_PARTS = {"backbone": str, "history": dict, "network": dict, "optimizer": dict}
"""What a checkpoint holds."""
_KEPT = 2


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, the oldest first."""
    return sorted((folder / "checkpoints").glob("*.pt"))


def checkpoint_to_resume(settings: TrainingSettings, origin: MadeFrom, progress: Progress) -> dict[str, Any] | None:
    """The newest readable checkpoint of the run in ``--output``, or None before the first run.

    Steps are repeatable: resumed from an earlier checkpoint, a run reaches the same weights, only later.

    Args:
        settings: of the run that is to start or to resume.
        origin: what this run is made from.
        progress: receives a line for each checkpoint that cannot be read.

    Raises:
        VisorVosError: if there is a run and ``--resume`` is not set, its options or data differ, or none of its
            checkpoints can be read.
    """
    folder = settings.output
    files = checkpoints(folder)
    if not settings.resume and (files or (folder / LAST).exists()):
        raise VisorVosError(
            f"{folder} already holds a training run.", "Resume it with --resume, or choose another --output."
        )
    for file in reversed(files):
        try:
            state = read_state(file, _PARTS)
        except VisorVosError as error:
            if file == files[0]:
                raise
            progress.say(f"{error.message} Resuming from the one before.")
            continue
        change = origin.change_since(_record(state["made_from"]))
        if change is not None:
            raise VisorVosError(
                f"The run in {folder} cannot be resumed: {change}.",
                f"Use its own options (--config {folder / SETTINGS_FILE} --resume), or choose another --output.",
            )
        return state
    return None


def _record(written: dict[str, Any]) -> dict[str, Any]:
    """The record of a checkpoint; that of version 0.1.0 held options and inputs together."""
    if "options" in written:
        return written
    inputs = {"--batch-size x --accumulate": written["batch_size x accumulate"], "the data": written["data"]}
    # It recorded the second half of the schedule only.
    schedule = {"max_skip": [0, written["max_skip"]]} if "max_skip" in written else {}
    return {"options": {**written, **schedule}, "inputs": inputs}


class RunFolder:
    """Writes the outputs of a run; every file whole or not at all.

    Args:
        command: the command that runs.
        settings: its settings, written to the folder ``--output``.
        origin: what the run is made from.
    """

    def __init__(self, command: str, settings: TrainingSettings, origin: MadeFrom) -> None:
        self.folder = settings.output
        self.origin = origin
        write_settings(self.folder, command, settings.model_dump(mode="json"))

    def save(self, learner: Learner, history: History) -> None:
        """Writes weights, plot and a checkpoint, and removes all but the last two checkpoints."""
        # The checkpoint last: a run that is killed in between resumes from the one before and writes all again.
        save_weights(learner.stm, self.folder / LAST)
        if history.rows:
            write_file(self.folder / "training.png", training_plot(history.rows))
        state = {"backbone": learner.stm.backbone, "history": asdict(history), **learner.state_dict()}
        write_state(self.folder / "checkpoints" / f"{history.clips:09d}.pt", self.origin, state)
        for old in checkpoints(self.folder)[:-_KEPT]:
            old.unlink(missing_ok=True)

    def keep_best(self, learner: Learner) -> None:
        """Writes the weights with the highest J&F so far."""
        save_weights(learner.stm, self.folder / BEST)

    def log(self, history: History) -> None:
        """Writes ``metrics.csv``."""
        write_file(self.folder / "metrics.csv", pd.DataFrame(history.rows).to_csv(index=False))
