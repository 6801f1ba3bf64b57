"""A training run, from a source of clips to weights. It can be stopped and resumed at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
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
from visorvos.core.training.history import History, Scores
from visorvos.core.training.initial_network import initial_network
from visorvos.core.training.interruption import StoppedError, StopSignal
from visorvos.core.training.learner import Learner, start_accelerator
from visorvos.core.training.run_folder import RunFolder, checkpoint_to_resume, made_from
from visorvos.core.training.schedule import Schedule
from visorvos.core.training.validation import Validation
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings

__all__ = ["Stage", "Training", "train"]

_MAX_WORKERS = 8


@dataclass(frozen=True)
class Stage:
    """The differences between the two stages of training, except their clips."""

    command: str
    detach: bool
    """Whether the soft prediction of frame 2 is cut from the graph."""
    channels: int
    """Channels of the loss, background included."""


@dataclass(frozen=True)
class Training:
    """The result of a training run."""

    output: str
    clips: int
    loss: float
    """Mean loss of the last row of the metrics."""
    j_and_f: float | None
    """The best score on the validation split; None without an evaluation."""
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
        VisorVosError: for settings that contradict each other, a loss that is not finite, or, once everything is
            saved, if the run was asked to stop.
    """
    began = time.perf_counter()
    keep_freed_memory()
    device = choose_device(settings.device)
    accelerator = start_accelerator(device, settings.output, settings.log_with)
    listener = progress if progress is not None and accelerator.is_main_process else NoProgress()
    clip_schedule = _clip_schedule(settings, accelerator.num_processes)
    with accelerator.main_process_first():
        # One process makes what is made once, such as an index of the data.
        clips = make_clips(listener)
    origin = made_from(settings, clips.describe())
    state = checkpoint_to_resume(settings.output, settings.resume, origin, listener)
    learner, history = _learner(settings, stage, accelerator, device, state, listener)
    # No process may write before all have read.
    accelerator.wait_for_everyone()
    with ExitStack() as stack:
        outputs = None
        if accelerator.is_main_process:
            outputs = RunFolder(settings.output, stage.command, settings, origin)
            stack.enter_context(_plotted(outputs, history))
        stack.enter_context(_tracked(accelerator, settings, history.clips))
        stop_signal = stack.enter_context(StopSignal())
        bar = stack.enter_context(listener.bar("Training", "clips", settings.clips, history.clips))
        workers = _workers(settings, learner)
        steps = load_batches(
            clips, clip_schedule, history.clips, workers, accelerator.process_index, accelerator.num_processes
        )
        _Run(settings, learner, history, validation, outputs, listener).take_steps(steps, stop_signal, bar)
    best = history.best if history.best >= 0 else None
    seconds = time.perf_counter() - began
    return Training(str(settings.output), history.clips, history.rows[-1].loss, best, seconds)


def _learner(
    settings: TrainingSettings,
    stage: Stage,
    accelerator: Accelerator,
    device: torch.device,
    state: dict[str, Any] | None,
    progress: Progress,
) -> tuple[Learner, History]:
    """A network at the start of a run, or as the checkpoint ``state`` left it."""
    # A resumed run does not need the weights that it started from; they may be gone.
    with accelerator.main_process_first():  # the others find its downloads in the cache
        stm = initial_network(settings, progress) if state is None else STM(state["backbone"], pretrained=False)
    learner = Learner(
        stm,
        accelerator,
        device,
        detach=stage.detach,
        channels=stage.channels,
        freeze_batch_norm=settings.batch_norm == "frozen",
        bfloat16=choose_precision(settings.precision, device) == torch.bfloat16,
        weight_decay=settings.weight_decay,
        clip_gradient=settings.clip_gradient,
        compiled=settings.compile,
    )
    if state is None:
        return learner, History()
    learner.load_state_dict(state)
    history = History.from_state_dict(state["history"])
    progress.say(f"Resuming after {history.clips:,} clips.")
    return learner, history


class _Run:
    """The steps of a run, and what happens between them.

    Args:
        settings: how often to log, save and evaluate.
        learner: takes the steps.
        history: what was measured before; it is continued.
        validation: what to evaluate, if anything.
        outputs: writes the outputs; None in all processes but the first.
        progress: receives a line per evaluation.
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

    def take_steps(self, steps: Iterable[list[Batch]], stop_signal: StopSignal, bar: Bar) -> None:
        """Takes all steps; evaluates, logs and saves when due.

        An error of any kind leaves weights and history as after the last whole step: they are saved first.
        """
        try:
            self._take_steps(steps, stop_signal, bar)
        except Exception:
            self._rescue()
            raise

    def _take_steps(self, steps: Iterable[list[Batch]], stop_signal: StopSignal, bar: Bar) -> None:
        history = self.history
        # The run may have been stopped between a step and the evaluation that was due after it.
        self._evaluate_if_due(stop_signal)
        began = time.perf_counter()
        for batches in steps:
            before = history.clips
            rate = self.schedule.rate(before)
            result = self.learner.step(batches, rate, self.settings.seed + before, stop_signal.is_set)
            history.add(result, rate, time.perf_counter() - began)
            bar.advance(result.clips, f"loss {(result.second + result.third) / result.clips:.3f}")
            if result.stop:
                self._stop(stop_signal)
            if self._reached(self.settings.log_every, before):
                self._log()
            self._evaluate_if_due(stop_signal)
            if self._reached(self.settings.save_every, before):
                self._save()
            began = time.perf_counter()

    def _reached(self, every: int, before: int) -> bool:
        """Whether the last step reached a multiple of ``every`` clips, or the end."""
        clips = self.history.clips
        return clips // every > before // every or clips == self.settings.clips

    def _evaluate_if_due(self, stop_signal: StopSignal) -> None:
        history, every = self.history, self.settings.evaluate_every
        if self.validation is None or not self._reached(every, history.evaluated) or history.evaluated == history.clips:
            return
        scores = self.validation.score(self.learner.stm, self.learner.accelerator, self.progress, stop_signal)
        if scores is None:
            self._stop(stop_signal)
            return
        is_best = scores.j_and_f > history.best
        if is_best and self.outputs is not None:
            # Written before it counts: if that fails, the resumed run evaluates again.
            self.outputs.keep_best(self.learner)
        self._log(scores)
        loss = f"loss {history.rows[-1].loss:.3f}"
        best = ", the best so far" if is_best else ""
        self.progress.say(f"{history.clips:,} clips: {loss}, J&F {100 * scores.j_and_f:.1f}{best}.")

    def _log(self, scores: Scores | None = None) -> None:
        """Logs a row of metrics; an evaluation is added to the row that ends at its step."""
        rows = len(self.history.rows)
        self.history.close_row()
        is_new = len(self.history.rows) > rows
        if scores is not None:
            self.history.add_scores(scores)
        if self.outputs is not None:
            self.outputs.log(self.history)
        values = self.history.table()[-1] if is_new or scores is None else asdict(scores)
        self.learner.accelerator.log(
            {name: value for name, value in values.items() if value is not None}, step=self.history.clips
        )

    def _save(self) -> None:
        if self.outputs is not None:
            self.outputs.save(self.learner, self.history)
            self.saved = self.history.clips

    def _rescue(self) -> None:
        """Saves what no checkpoint holds yet, if possible; the error that ends the run matters more."""
        if self.outputs is None or self.history.clips == self.saved:
            return
        try:
            self._save()
        except Exception as error:  # noqa: BLE001 - the disk may be full, the GPU gone
            self.progress.say(f"The training since {self.saved:,} clips could not be saved: {error}")
        else:
            self.progress.say(f"Everything is saved after {self.saved:,} clips: resume with --resume.")

    def _stop(self, stop_signal: StopSignal) -> None:
        """Saves, and ends the run if it is not at its end anyway."""
        self._save()
        if self.history.clips == self.settings.clips:
            return
        name = stop_signal.signal.name if stop_signal.signal is not None else "a signal to another process"
        raise StoppedError(
            f"Stopped by {name} after {self.history.clips:,} of {self.settings.clips:,} clips; everything is saved.",
            "Resume with the same command and --resume.",
        )


@contextmanager
def _plotted(outputs: RunFolder, history: History) -> Iterator[None]:
    """Writes the plot after the block, also if an error ends it."""
    try:
        yield
    except BaseException:
        # The error that ended the run matters more than a full disk.
        with suppress(VisorVosError):
            outputs.plot(history)
        raise
    outputs.plot(history)


@contextmanager
def _tracked(accelerator: Accelerator, settings: TrainingSettings, clips: int) -> Iterator[None]:
    """Starts the trackers of ``--log-with``, and finishes them after the block."""
    options = {
        # TensorBoard drops what an interrupted run logged after the checkpoint.
        "tensorboard": {"purge_step": clips + 1},
        "wandb": {
            "name": settings.output.name,
            "dir": str(settings.output),
            "config": settings.model_dump(mode="json"),
        },
    }
    if settings.log_with:
        try:
            accelerator.init_trackers("visorvos", init_kwargs=options)
        except OSError as error:
            raise VisorVosError(
                f"Cannot start --log-with {' '.join(settings.log_with)}: {error}.", "Choose another --output."
            ) from error
    try:
        yield
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()


def _clip_schedule(settings: TrainingSettings, processes: int) -> ClipSchedule:
    """The order of the clips, in steps that the processes can share."""
    schedule = ClipSchedule(
        settings.clips, settings.batch_size * settings.accumulate, settings.batch_size, settings.seed
    )
    if schedule.step_size < processes:
        raise VisorVosError(
            f"--batch-size x --accumulate must be at least the number of processes, {processes}, "
            f"got {schedule.step_size}.",
            "Raise --accumulate: the product is the number of clips per step.",
        )
    return schedule


def _workers(settings: TrainingSettings, learner: Learner) -> int:
    """Processes that load clips. By default none on a CPU, where the network itself needs the cores."""
    if settings.num_workers is not None:
        return settings.num_workers
    if learner.device.type == "cpu":
        return 0
    cores: int = usable_cores() // learner.accelerator.num_processes
    return min(_MAX_WORKERS, max(1, cores))
