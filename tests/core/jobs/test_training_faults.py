"""What ends a training run from outside: nothing saved is lost, and the resumed run reaches the same weights."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from tests.cli.broken.harness import check
from tests.conftest import Finished, Run, full_disk
from tests.forked import finish, start
from tests.training_runs import after_first_step, arguments, assert_same_weights, newest, send, workers
from visorvos import VisorVosError, clip_loss
from visorvos.core.runtime.run_state import read_state
from visorvos.core.training import learner
from visorvos.core.training import run_folder as outputs
from visorvos.core.training.run_folder import RunFolder, checkpoints

pytestmark = pytest.mark.usefixtures("no_plot")


def resumes_to_the_end(run: Run, command: list[str], output: Path, undisturbed: Path, after: int) -> Finished:
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert f"Resuming after {after} clips" in done.err if after else "Resuming" not in done.err
    for name in ("last.safetensors", "best.safetensors"):
        assert_same_weights(output / name, undisturbed / name)
    return done


def on_call(number: int, method: Callable[..., object], room: int) -> Callable[..., object]:
    """A method that finds the disk full from one of its calls on."""
    calls = iter(range(1, 1000))

    def call(*given: object) -> object:
        if next(calls) < number:
            return method(*given)
        with full_disk(room):
            return method(*given)

    return call


@pytest.mark.parametrize(
    ("method", "number", "culprit", "saved"),
    [
        ("write_state", 2, "checkpoints/000000008.pt", 4),
        ("RunFolder.keep_best", 1, "best.safetensors", 6),
        ("RunFolder.log", 1, "metrics.csv", 4),
    ],
)
def test_a_full_disk_loses_nothing_that_was_saved(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Path,
    data: Path,
    weights: Path,
    tmp_path: Path,
    method: str,
    number: int,
    culprit: str,
    saved: int,
) -> None:
    output = tmp_path / "full"
    command = arguments(data, output, weights)
    with monkeypatch.context() as patch:
        place = RunFolder if method.startswith("RunFolder") else outputs
        name = method.removeprefix("RunFolder.")
        patch.setattr(place, name, on_call(number, getattr(place, name), 20))
        done = run(*command)
    check(done, str(output / culprit), "Cannot write", tmp_path)
    assert newest(output) == saved
    assert ("resume with --resume" if method.startswith("RunFolder") else "could not be saved") in done.err
    if method == "RunFolder.keep_best":
        history = read_state(checkpoints(output)[-1], {})["history"]
        assert (history["best"], history["evaluated"]) == (-1, 0), "weights that are not there count as the best"
    resumes_to_the_end(run, command, output, undisturbed, saved)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("function", ["save_weights", "write_state"])
def test_weights_and_checkpoint_keep_together_at_the_end(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    undisturbed: Path,
    data: Path,
    weights: Path,
    tmp_path: Path,
    function: str,
) -> None:
    """Found by killing: a run that had its last checkpoint, but not its weights, counted as done."""
    output = tmp_path / "out"
    # The end alone is killed: what came before is that of the other run.
    shutil.copytree(undisturbed, output, ignore=shutil.ignore_patterns("last.safetensors", "000000012.pt"))
    command = arguments(data, output, weights, "--resume")
    write = getattr(outputs, function)

    def killed(*given: object) -> None:
        if (output / "checkpoints/000000008.pt").exists() and "best.safetensors" not in str(given[1]):
            raise Killed
        write(*given)

    with monkeypatch.context() as patch:
        patch.setattr(outputs, function, killed)
        with pytest.raises(Killed):
            run(*command)
    assert newest(output) == 8
    assert run(*command).code == 0
    assert_same_weights(output / "last.safetensors", undisturbed / "last.safetensors")


def kill_a_worker() -> None:
    workers()[0].kill()


def test_a_worker_that_is_killed_is_named(run: Run, data: Path, weights: Path, tmp_path: Path) -> None:
    output, log = tmp_path / "out", tmp_path / "log"
    # More clips than a worker loads ahead.
    command = arguments(data, output, weights, workers=1, iterations=24, save_every=12, evaluate_every=0)
    code = finish(start(command, log, arrange=after_first_step(kill_a_worker)))
    errors = " ".join(log.read_text().split())
    assert code == 1, errors
    assert "A worker process that makes clips ended" in errors
    assert "--resume" in errors.split("A worker process that makes clips ended")[1]
    assert errors.count("error:") == 1
    assert "Traceback" not in errors
    assert 0 < newest(output) < 24
    done = run(*command, "--resume")
    assert done.code == 0, done.err
    assert newest(output) == 24


def list_workers_and_die(pids_file: Path) -> None:
    pids_file.write_text(" ".join(str(found.pid) for found in workers()))
    send(signal.SIGKILL)


def test_a_worker_ends_with_a_run_that_is_killed(data: Path, weights: Path, tmp_path: Path) -> None:
    log, pids_file = tmp_path / "log", tmp_path / "pids"
    command = arguments(data, tmp_path / "out", weights, workers=1)
    finish(start(command, log, arrange=after_first_step(partial(list_workers_and_die, pids_file))))
    pids = [int(pid) for pid in pids_file.read_text().split()]
    assert pids, "it had a worker"
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).wait(timeout=60)


def test_a_loss_that_is_no_number_leaves_what_was_learnt_before(
    run: Run, monkeypatch: pytest.MonkeyPatch, undisturbed: Path, data: Path, weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    command = arguments(data, output, weights)
    calls = iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(learner, "clip_loss", lambda *given: clip_loss(*given) * (np.nan if next(calls) == 5 else 1))
        done = run(*command)
    check(done, "video", "training has diverged", tmp_path)
    assert newest(output) == 10
    resumes_to_the_end(run, command, output, undisturbed, 10)


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zeroed(path: Path) -> None:
    """As a system that lost its power may leave it."""
    size = path.stat().st_size
    os.truncate(path, 0)
    os.truncate(path, size)


def foreign(path: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(3)}, path)


def test_the_checkpoint_before_a_damaged_one_is_taken(
    run: Run, undisturbed: Path, data: Path, weights: Path, tmp_path: Path
) -> None:
    output = shutil.copytree(undisturbed, tmp_path / "out")
    before, newest_one = checkpoints(output)
    truncated(newest_one)
    done = resumes_to_the_end(run, arguments(data, output, weights), output, undisturbed, 8)
    assert f"The checkpoint {newest_one} cannot be read" in " ".join(done.err.split())
    assert "Resuming from the one before." in " ".join(done.err.split())
    assert [path.name for path in checkpoints(output)] == [before.name, newest_one.name]
    torch.load(newest_one, weights_only=True)


@pytest.mark.parametrize("damage", [truncated, zeroed, foreign])
def test_a_run_without_a_sound_checkpoint_is_left_as_it_is(
    run: Run, data: Path, weights: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    output = tmp_path / "out"
    for clips in (8, 12):
        path = output / "checkpoints" / f"{clips:09d}.pt"
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"network": {"conv1.weight": torch.zeros(3)}}, path)
        damage(path)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    done = run(*arguments(data, output, weights, "--resume"))
    check(done, str(output / "checkpoints/000000008.pt"), "The checkpoint", tmp_path)
    assert "000000012.pt" in done.err
    assert "Resuming from the one before." in done.err
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_what_cannot_be_saved_does_not_hide_why_a_run_ended(
    run: Run, monkeypatch: pytest.MonkeyPatch, data: Path, weights: Path, tmp_path: Path
) -> None:
    def refuse(*given: object) -> None:
        raise VisorVosError("No.", "None.")

    def die(*given: object) -> None:
        raise RuntimeError("the cause")

    monkeypatch.setattr(RunFolder, "save", refuse)
    monkeypatch.setattr(RunFolder, "log", die)
    done = run(*arguments(data, tmp_path / "out", weights))
    assert done.code == 1
    assert "The training since 0 clips could not be saved: No. None." in " ".join(done.err.split())
    assert "RuntimeError: the cause" in " ".join(done.err.split())
