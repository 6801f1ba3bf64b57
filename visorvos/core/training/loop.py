"""A training run, from a source of clips to weights. It can be stopped and resumed at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from accelerate import Accelerator

from visorvos.core.datasets.clip import Clips
from visorvos.core.datasets.loader import Batch, ClipSchedule, load_batches
from visorvos.core.network.stm import STM
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.interruption import StoppedError, catch_signals
from visorvos.core.runtime.processes import Processes
from visorvos.core.runtime.progress import Advance, Progress
from visorvos.core.runtime.run_state import MadeFrom
from visorvos.core.runtime.worker_pool import usable_cores
from visorvos.core.training.history import History
from visorvos.core.training.learner import Learner, Stage, start_accelerator
from visorvos.core.training.run_folder import RunFolder, checkpoint_to_resume
from visorvos.core.training.validation import Validation
from visorvos.core.weights.load import load_weights
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings

_MAX_WORKERS = 8


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
    accelerator = start_accelerator(settings)
    listener = progress if progress is not None and accelerator.is_main_process else Progress()
    step_size = settings.batch_size * settings.accumulate
    if step_size < accelerator.num_processes:
        raise VisorVosError(
            "--batch-size x --accumulate must be at least the number of processes, "
            f"{accelerator.num_processes}, got {step_size}.",
            "Raise --accumulate: the product is the number of clips per step.",
        )
    # One process makes what is made once, such as an index of the data or a download; the others find it.
    with accelerator.main_process_first():
        clips = make_clips(listener)
    origin = MadeFrom(settings, {"--batch-size x --accumulate": step_size, "the data": clips.describe()})
    state = checkpoint_to_resume(settings, origin, listener)
    with accelerator.main_process_first():
        # A resumed run does not need the weights that it started from; they may be gone.
        stm = STM(state["backbone"], pretrained=False) if state else initial_network(settings, listener)
    learner = Learner(stm, accelerator, settings, stage)
    history = History()
    if state is not None:
        learner.load_state_dict(state)
        history = History(**state["history"])
        listener.say(f"Resuming after {history.clips:,} clips.")
    # No process may write before all have read.
    accelerator.wait_for_everyone()
    outputs = RunFolder(stage.command, settings, origin) if accelerator.is_main_process else None
    steps = load_batches(
        clips,
        ClipSchedule(settings.clips, step_size, settings.batch_size, settings.seed),
        history.clips,
        _workers(settings, learner),
        accelerator.process_index,
        accelerator.num_processes,
    )
    with ExitStack() as stack:
        _start_trackers(accelerator, settings, history.clips)
        for tracker in accelerator.trackers:
            stack.callback(tracker.finish)
        stopped = stack.enter_context(catch_signals())
        advance = stack.enter_context(listener.bar("Training", "clips", settings.clips, history.clips))
        _Run(settings, learner, history, validation, outputs, listener, stopped).take_steps(steps, advance)
    best = history.best if history.best >= 0 else None
    loss = history.rows[-1]["loss"] or 0.0
    return Training(str(settings.output), history.clips, loss, best, time.perf_counter() - began)


@dataclass
class _Run:
    """The steps of a run, and what happens between them."""

    settings: TrainingSettings
    learner: Learner
    history: History
    """What was measured before; it is continued."""
    validation: Validation | None
    outputs: RunFolder | None
    """None in all processes but the first."""
    progress: Progress
    """Receives a line per evaluation."""
    stopped: Sequence[str]
    """The name of the signal that asked this process to stop, if one did."""

    def __post_init__(self) -> None:
        self.saved = self.history.clips
        accelerator = self.learner.accelerator
        self.processes = Processes(accelerator.process_index, accelerator.num_processes)

    def take_steps(self, steps: Iterable[list[Batch]], advance: Advance) -> None:
        """Takes all steps; evaluates, logs and saves when due.

        An error of any kind leaves weights and history as after the last whole step: they are saved first.
        """
        try:
            # The run may have been stopped between a step and the evaluation that was due after it.
            self._evaluate_and_log(log=False)
            began = time.perf_counter()
            for batches in steps:
                before = self.history.clips
                result = self.learner.step(batches, before, bool(self.stopped))
                self.history.add(result, time.perf_counter() - began)
                advance(result.clips, f"loss {(result.second + result.third) / result.clips:.3f}")
                if result.stop:
                    self._stop()
                self._evaluate_and_log(self._reached(self.settings.log_every, before))
                if self._reached(self.settings.save_every, before):
                    self._save()
                began = time.perf_counter()
        except Exception:
            self._rescue()
            raise

    def _reached(self, every: int, before: int) -> bool:
        """Whether the last step reached a multiple of ``every`` clips, or the end."""
        clips = self.history.clips
        return clips // every > before // every or clips == self.settings.clips

    def _evaluate_and_log(self, log: bool) -> None:
        """Evaluates if that is due; then, or if ``log`` is set, writes a row of metrics."""
        history, scores = self.history, None
        is_new = self.validation is not None and history.evaluated < history.clips
        if is_new and self._reached(self.settings.evaluate_every, history.evaluated):
            scores = self._evaluate()
        if scores is None and not log:
            return
        history.close_row(scores)
        if self.outputs is not None:
            self.outputs.log(history)
        values = {name: value for name, value in history.rows[-1].items() if value is not None}
        self.learner.accelerator.log(values, step=history.clips)

    def _evaluate(self) -> dict[str, float] | None:
        """The scores, or None if the run is at its end and was asked to stop."""
        assert self.validation is not None
        scores = self.validation.score(self.learner.stm, self.processes, self.progress, self.stopped)
        if scores is None:
            self._stop()
            return None
        is_best = scores["j_and_f"] > self.history.best
        if is_best and self.outputs is not None:
            # Written before it counts: if that fails, the resumed run evaluates again.
            self.outputs.keep_best(self.learner)
        best = ", the best so far" if is_best else ""
        self.progress.say(f"{self.history.clips:,} clips: J&F {100 * scores['j_and_f']:.1f}{best}.")
        return scores

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

    def _stop(self) -> None:
        """Saves, and ends the run if it is not at its end anyway."""
        self._save()
        if self.history.clips < self.settings.clips:
            name = self.stopped[0] if self.stopped else "a signal to another process"
            raise StoppedError(
                f"Stopped by {name} after {self.history.clips:,} of {self.settings.clips:,} clips; everything is "
                "saved.",
                "Resume with the same command and --resume.",
            )


def initial_network(settings: TrainingSettings, progress: Progress) -> STM:
    """The network of ``--weights``. Without: ImageNet or random encoders, and the rest random by the seed.

    Raises:
        VisorVosError: for weights that cannot be read or have another backbone than ``--backbone``.
    """
    if settings.weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return STM(settings.backbone or "resnet50", settings.pretrained)
    stm = load_weights(settings.weights, progress)
    if settings.backbone not in (None, stm.backbone):
        raise VisorVosError(
            f"--backbone must be {stm.backbone}, that of the weights {settings.weights}, got {settings.backbone}.",
            "Leave --backbone out, or give other weights.",
        )
    return stm


def _start_trackers(accelerator: Accelerator, settings: TrainingSettings, clips: int) -> None:
    """Starts the trackers of ``--log-with``, after ``clips`` clips."""
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


def _workers(settings: TrainingSettings, learner: Learner) -> int:
    """Processes that load clips. By default none on a CPU, where the network itself needs the cores."""
    if settings.num_workers is not None:
        return settings.num_workers
    if learner.device.type == "cpu":
        return 0
    cores: int = usable_cores() // learner.accelerator.num_processes
    return min(_MAX_WORKERS, max(1, cores))
