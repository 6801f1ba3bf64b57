"""A run of training, from a source of clips to weights, that goes on where an interrupted one stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate import Accelerator

from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.loader import Batch, ClipSchedule, load_batches
from visorvos.core.network.stm import STM
from visorvos.core.runtime.device import choose_device, choose_precision
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.progress import Bar, NoProgress, Progress
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.core.training.history import History
from visorvos.core.training.initial_network import initial_network
from visorvos.core.training.interruption import StoppedError, StopSignal
from visorvos.core.training.learner import Learner, start_accelerator
from visorvos.core.training.run_folder import RunFolder, checkpoint_to_resume, made_from
from visorvos.core.training.schedule import Schedule
from visorvos.core.training.validation import Validation
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings

__all__ = ["Stage", "Training", "train"]

_MOST_WORKERS = 8


@dataclass(frozen=True)
class Stage:
    """What sets one stage of training apart from the other, but for its clips."""

    command: str
    detach: bool
    """Whether the soft prediction of frame 2 is cut from the graph."""
    channels: int
    """Of the loss, background included."""


@dataclass(frozen=True)
class Training:
    """What a run of training did."""

    output: str
    clips: int
    loss: float
    """Mean of the last row of the metrics."""
    j_and_f: float | None
    """The best on the validation split; None where there was no evaluation."""
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def train(
    settings: TrainingSettings,
    stage: Stage,
    make_clips: Callable[[Progress], Clips],
    validation: Validation | None,
    progress: Progress | None = None,
) -> Training:
    """Trains the network of the settings on clips.

    Several processes, started with ``torchrun`` or ``accelerate launch``, share the clips of each step.

    Raises:
        VisorVosError: for settings that do not fit together, a loss that is not finite, or, once all is saved,
            where the run was asked to stop.
    """
    began = time.perf_counter()
    keep_freed_memory()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    accelerator = start_accelerator(device, bfloat16=precision == torch.bfloat16)
    listener = progress if progress is not None and accelerator.is_main_process else NoProgress()
    clip_schedule = _clip_schedule(settings, accelerator.num_processes)
    with accelerator.main_process_first():
        # What is made of the data once, such as an index, is made by one process.
        clips = make_clips(listener)
    origin = made_from(settings, clips.describe())
    state = checkpoint_to_resume(settings.output, settings.resume, origin, listener)
    learner, history = _learner(settings, stage, accelerator, state, listener)
    # No process may write before all have read.
    accelerator.wait_for_everyone()
    with ExitStack() as stack:
        outputs = None
        if accelerator.is_main_process:
            outputs = RunFolder(settings.output, stage.command, settings, origin, history.clips)
            stack.enter_context(outputs.closed_after(history))
        interruption = stack.enter_context(StopSignal())
        bar = stack.enter_context(listener.bar("Training", "clips", settings.clips, history.clips))
        workers = _workers(settings, accelerator)
        steps = load_batches(
            clips, clip_schedule, history.clips, workers, accelerator.process_index, accelerator.num_processes
        )
        _Run(settings, learner, history, validation, outputs, listener).go(steps, interruption, bar)
    best = history.best if history.best >= 0 else None
    seconds = time.perf_counter() - began
    return Training(str(settings.output), history.clips, history.rows[-1].loss, best, seconds)


def _learner(
    settings: TrainingSettings,
    stage: Stage,
    accelerator: Accelerator,
    state: dict[str, Any] | None,
    progress: Progress,
) -> tuple[Learner, History]:
    """A network at the start of a run, or where the checkpoint ``state`` left it."""
    # What the run started from is not needed, and need not be there any more, once it goes on.
    stm = initial_network(settings, progress) if state is None else STM(state["backbone"], pretrained=False)
    learner = Learner(
        stm,
        accelerator,
        detach=stage.detach,
        channels=stage.channels,
        freeze_batch_norm=settings.batch_norm == "frozen",
        compiled=settings.compile,
    )
    if state is None:
        return learner, History()
    learner.load_state_dict(state)
    history = History.of_state_dict(state["history"])
    progress.say(f"Resuming after {history.clips:,} clips.")
    return learner, history


class _Run:
    """The steps of a run, and what happens between them.

    Args:
        settings: how often what happens.
        learner: takes the steps.
        history: what was measured before; goes on.
        validation: what to evaluate, if anything.
        outputs: writes; None in all processes but the first.
        progress: hears of evaluations.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        learner: Learner,
        history: History,
        validation: Validation | None,
        outputs: RunFolder | None,
        progress: Progress,
    ) -> None:
        self.settings = settings
        self.learner = learner
        self.history = history
        self.validation = validation
        self.outputs = outputs
        self.progress = progress
        self.schedule = Schedule(settings.lr, settings.warm_up, settings.clips, settings.schedule)
        self.saved = history.clips

    def go(self, steps: Iterable[list[Batch]], interruption: StopSignal, bar: Bar) -> None:
        """Takes all steps; evaluates, logs and saves when it is time.

        An error of any kind leaves weights and history as after the last whole step: they are saved first.
        """
        try:
            self._go(steps, interruption, bar)
        except Exception:
            self._rescue()
            raise

    def _go(self, steps: Iterable[list[Batch]], interruption: StopSignal, bar: Bar) -> None:
        history = self.history
        # An interruption can come between a step and the evaluation that was due after it.
        self._evaluate_if_due(interruption)
        began = time.perf_counter()
        for batches in steps:
            before = history.clips
            rate = self.schedule.rate(before)
            result = self.learner.step(batches, rate, self.settings.seed + before, interruption.asked)
            history.add(result, rate, time.perf_counter() - began)
            bar.advance(result.clips, f"loss {(result.second + result.third) / result.clips:.3f}")
            if result.stop:
                self._stop(interruption)
            if self._crossed(self.settings.log_every, before):
                self._log()
            self._evaluate_if_due(interruption)
            if self._crossed(self.settings.save_every, before):
                self._save()
            began = time.perf_counter()

    def _crossed(self, every: int, before: int) -> bool:
        """Whether the last step reached a multiple of so many clips, or the end."""
        clips = self.history.clips
        return clips // every > before // every or clips == self.settings.clips

    def _evaluate_if_due(self, interruption: StopSignal) -> None:
        history, every = self.history, self.settings.evaluate_every
        if self.validation is None or not self._crossed(every, history.evaluated) or history.evaluated == history.clips:
            return
        scores = self.validation.score(self.learner.stm, self.learner.accelerator, self.progress, interruption)
        if scores is None:
            self._stop(interruption)
            return
        is_best = scores.j_and_f > history.best
        if is_best and self.outputs is not None:
            # Before it counts: where it cannot be written, the run that goes on evaluates again.
            self.outputs.keep_best(self.learner)
        history.scored(scores)
        self._log()
        loss = f"loss {history.rows[-1].loss:.3f}"
        best = ", the best so far" if is_best else ""
        self.progress.say(f"{history.clips:,} clips: {loss}, J&F {100 * scores.j_and_f:.1f}{best}.")

    def _log(self) -> None:
        self.history.close_row()
        if self.outputs is not None:
            self.outputs.log(self.history)

    def _save(self) -> None:
        if self.outputs is not None:
            self.outputs.save(self.learner, self.history)
            self.saved = self.history.clips

    def _rescue(self) -> None:
        """Saves what no checkpoint holds yet, where that is possible: the error that ends the run counts more."""
        if self.outputs is None or self.history.clips == self.saved:
            return
        try:
            self._save()
        except Exception as error:  # noqa: BLE001 - the disk may be full, the GPU gone
            self.progress.say(f"What was learnt since {self.saved:,} clips could not be saved: {error}")
        else:
            self.progress.say(f"All is saved after {self.saved:,} clips: --resume goes on from there.")

    def _stop(self, interruption: StopSignal) -> None:
        """Saves and ends the run where it was asked to stop before its end."""
        self._save()
        if self.history.clips == self.settings.clips:
            return
        name = interruption.signal.name if interruption.signal is not None else "a signal to another process"
        raise StoppedError(
            f"Stopped by {name} after {self.history.clips:,} of {self.settings.clips:,} clips; all is saved.",
            "Go on with the same command and --resume.",
        )


def _clip_schedule(settings: TrainingSettings, processes: int) -> ClipSchedule:
    """The order of the clips, in steps that the processes can share."""
    schedule = ClipSchedule(
        settings.clips, settings.batch_size * settings.accumulate, settings.batch_size, settings.seed
    )
    if schedule.step_size < processes:
        raise VisorVosError(
            f"A step of {schedule.step_size} clips cannot be shared by {processes} processes.",
            "Raise --accumulate or --batch-size: their product is the number of clips in a step.",
        )
    return schedule


def _workers(settings: TrainingSettings, accelerator: Accelerator) -> int:
    """Processes that make clips: where the network computes on the cores itself, none unless asked for."""
    if settings.num_workers is not None:
        return settings.num_workers
    if accelerator.device.type == "cpu":
        return 0
    cores: int = usable_cores() // accelerator.num_processes
    return min(_MOST_WORKERS, max(1, cores))
