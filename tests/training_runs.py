"""Training runs on a tiny data set, and ways to end them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
import yaml

from visorvos import load_weights
from visorvos.core.training import run_folder
from visorvos.core.training.learner import Learner
from visorvos.core.training.run_folder import RunFolder, checkpoints

SMALL = {
    "backbone": "resnet18",
    "crop_size": 32,
    "short_side": 48,
    "iterations": 12,
    "batch_size": 2,
    "accumulate": 1,
    "learning_rate": 1e-4,
    "save_every": 4,
    "log_every": 4,
    "evaluate_every": 6,
    "device": "cpu",
    "workers": 0,
}


def squares(seed: int) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    random = np.random.default_rng(seed)
    frames, masks = [], []
    for number in range(5):
        frame = random.integers(90, 160, (48, 64, 3), dtype=np.uint8)
        labels = np.zeros((48, 64), np.uint8)
        labels[8:24, 4 + 4 * number : 20 + 4 * number] = 1
        labels[26:44, 40 - 4 * number : 56 - 4 * number] = 2
        frame[labels == 1] = (220, 40, 40)
        frame[labels == 2] = (40, 60, 220)
        frames.append(frame)
        masks.append(labels)
    return frames, masks


def arguments(data: Path, output: Path, weights: Path, *more: object, **changed: object) -> list[str]:
    config = output.parent / f"{output.name}.yaml"
    config.write_text(yaml.safe_dump({**SMALL, **changed}))
    given = ("finetune", "--config", config, "--data", data, "--output", output, "--weights", weights, *more)
    return [str(part) for part in given]


def assert_same_weights(found: Path, expected: Path) -> None:
    one, other = load_weights(found).state_dict(), load_weights(expected).state_dict()
    assert all(torch.equal(one[name], tensor) for name, tensor in other.items())


def newest(output: Path) -> int:
    """The number of clips at the last checkpoint."""
    return max((int(path.stem) for path in checkpoints(output)), default=0)


def after_call(place: object, name: str, number: int, then: Callable[[], None]) -> None:
    """Makes a function call ``then`` at the end of one of its calls, counted from 1."""
    function, calls = getattr(place, name), iter(range(1, 100_000))

    def call(*given: Any, **named: Any) -> Any:
        result = function(*given, **named)
        if next(calls) == number:
            then()
        return result

    setattr(place, name, call)


def send(number: signal.Signals) -> None:
    """Sends a signal to this process."""
    os.kill(os.getpid(), number)


def without_plot() -> None:
    """For `tests.forked.start`: a run that draws no plot, which on tiny data takes longer than the training."""
    run_folder.training_plot = _draw_nothing


def _draw_nothing(rows: object) -> bytes:
    return b""


def killed_after_checkpoint(number: int) -> Callable[[], None]:
    """For `tests.forked.start`: a run that is killed right after one of its checkpoints."""
    return partial(_kill_after_checkpoint, number)


def _kill_after_checkpoint(number: int) -> None:
    without_plot()
    after_call(run_folder, "write_state", number, partial(send, signal.SIGKILL))


def signaled_after_first_row(number: signal.Signals) -> Callable[[], None]:
    """For `tests.forked.start`: a run that receives a signal after its first row of metrics."""
    return partial(_signal_after_first_row, number)


def _signal_after_first_row(number: signal.Signals) -> None:
    without_plot()
    after_call(RunFolder, "log", 1, partial(send, number))


def after_first_step(then: Callable[[], None]) -> Callable[[], None]:
    """For `tests.forked.start`: a run that calls ``then`` after its first step."""
    return partial(_after_first_step, then)


def _after_first_step(then: Callable[[], None]) -> None:
    without_plot()
    after_call(Learner, "step", 1, then)


def workers() -> list[psutil.Process]:
    """The processes that load clips for this one. They are not its children: a server forks them."""
    own = os.getpid()
    return [found for found in psutil.Process(own).children(recursive=True) if found.ppid() != own]
