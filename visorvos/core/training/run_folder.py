"""The folder of a run of training: weights, checkpoints, metrics and the plot."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from visorvos.core.io.atomic import make_folder, write_bytes
from visorvos.core.io.settings_file import write_settings
from visorvos.core.report.training_plot import training_plot
from visorvos.core.runtime.progress import Progress
from visorvos.core.training.history import History
from visorvos.core.training.learner import Learner
from visorvos.core.training.metrics_log import MetricsLog
from visorvos.core.training.training_state import read_training_state, training_states, write_training_state
from visorvos.core.weights.checkpoints import save_weights
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings

__all__ = ["BEST", "LAST", "RunFolder", "checkpoint_to_resume", "decisive"]

LAST = "last.safetensors"
BEST = "best.safetensors"

_SECONDS_BETWEEN_PLOTS = 30.0

_PARTS = {"made_from": dict, "backbone": str, "history": dict, "network": dict, "optimizer": dict}
"""Of a checkpoint."""

_FREE = {
    *("output", "weights", "resume", "data", "coco", "validate_on", "validation_split", "validation_sequences"),
    *("workers", "device", "precision", "compile", "save_every", "log_every", "evaluate_every"),
    *("batch_size", "accumulate"),
}
"""Options that may change when a run goes on: they decide neither what is learnt nor in which order."""


def decisive(settings: TrainingSettings, clips: str) -> dict[str, Any]:
    """What a run must have in common with the one that it goes on from, as plain values by name.

    Args:
        settings: of the run.
        clips: the description of its data.
    """
    options = settings.model_dump(mode="json", exclude=_FREE)
    return {**options, "batch_size x accumulate": settings.batch_size * settings.accumulate, "data": clips}


def checkpoint_to_resume(
    output: Path, resume: bool, made_from: Mapping[str, Any], progress: Progress
) -> dict[str, Any] | None:
    """The newest checkpoint of a run that can be read, or None where there is none.

    Args:
        output: the run's folder.
        resume: whether the user asked to go on.
        made_from: see `decisive`.
        progress: hears of checkpoints that cannot be read.

    Raises:
        VisorVosError: where a run is there and was not to be gone on with, is of other options, or has no checkpoint
            that can be read.
    """
    states = training_states(output)
    if not resume and (states or (output / LAST).exists()):
        raise VisorVosError(
            f"{output} holds a run of training already.",
            "Go on with it (--resume), or choose another --output.",
        )
    if not states:
        return None
    state = _newest(states, progress)
    changed = [name for name in made_from if state["made_from"].get(name) != made_from[name]]
    if changed:
        name = changed[0]
        raise VisorVosError(
            f"The run in {output} was started with another {name}: "
            f"{state['made_from'].get(name)}, now {made_from[name]}.",
            f"Go on with its own options (--config {output / 'settings.yaml'} --resume), or choose another --output.",
        )
    return state


def _newest(states: list[Path], progress: Progress) -> dict[str, Any]:
    """Steps repeat themselves: from an earlier checkpoint the run comes to the same weights, only later."""
    *before, newest = states
    try:
        return read_training_state(newest, _PARTS)
    except VisorVosError as error:
        if not before:
            raise
        progress.say(f"{error.message} Going on from the one before.")
    return _newest(before, progress)


class RunFolder:
    """Writes what a run leaves behind; every file whole or not at all.

    Args:
        folder: where it goes.
        command: whose run it is.
        settings: to be written beside it.
        made_from: see `decisive`.
        clips: seen when the run begins or goes on.
    """

    def __init__(
        self, folder: Path, command: str, settings: TrainingSettings, made_from: Mapping[str, Any], clips: int
    ) -> None:
        make_folder(folder)
        write_settings(folder, command, settings.model_dump(mode="json"))
        self.folder = folder
        self.made_from = dict(made_from)
        self.metrics = MetricsLog(folder, clips)
        self._drawn = time.monotonic()

    def save(self, learner: Learner, history: History) -> None:
        """Writes the weights and a checkpoint."""
        # The checkpoint last: a run that is killed in between goes on from the one before, and writes both again.
        save_weights(learner.stm, self.folder / LAST)
        state = {
            "made_from": self.made_from,
            "backbone": learner.stm.backbone,
            "history": history.state_dict(),
            **learner.state_dict(),
        }
        write_training_state(self.folder, history.clips, state)

    def keep_best(self, learner: Learner) -> None:
        """Writes the weights with the highest J&F so far."""
        save_weights(learner.stm, self.folder / BEST)

    def log(self, history: History) -> None:
        """Writes the table and its last row's events, and now and then the plot."""
        self.metrics.write(history.table())
        if time.monotonic() - self._drawn > _SECONDS_BETWEEN_PLOTS:
            self._draw(history)

    @contextmanager
    def closed_after(self, history: History) -> Iterator[None]:
        """Ends the events' file after the block, and writes the plot, also where an error ends it."""
        try:
            yield
        except BaseException:
            # What ended the run counts more than that the disk is full, too.
            with suppress(VisorVosError):
                self._close(history)
            raise
        self._close(history)

    def _close(self, history: History) -> None:
        self.metrics.close()
        self._draw(history)

    def _draw(self, history: History) -> None:
        if history.rows:
            write_bytes(self.folder / "training.png", training_plot(history.table()))
        self._drawn = time.monotonic()
