"""Kills a command at random moments, starts it again each time, and compares what it leaves with an undisturbed run.

Run by hand::

    python -m tests.faults.killed predict --kills 20 --seed 0

and likewise ``prepare``, ``finetune`` and ``pretrain``. Ends with exit code 1 where a run that was killed and started
again leaves other files than an undisturbed one, where a file that has its name is not whole, where a process
outlives its parent, or where an input was touched.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import torch
import yaml
from PIL import Image
from safetensors import safe_open

from tests.builders import draw_clip, reference_stm, write_data_set, write_frames, write_labels
from tests.coco_builders import annotation, picture, square, write_coco
from tests.visor_builders import CUP, KNIFE, Release, entity, frame
from tests.visor_builders import picture as photograph
from visorvos import save_weights
from visorvos.cli.app import main as command_line
from visorvos.core.jobs.predict import video as predict_video

_SECONDS_TO_END = 60.0
"""On a machine that is busy."""
_KILLS_OF_A_COURSE = 5
_NOT_COMPARED = ("settings.yaml", "prepare_report", "training.png", "tensorboard", "checkpoints")
"""They tell of times, or of the run itself."""

SAVE_EVERY = 4
TRAINING = {
    "crop_size": 32,
    "short_side": 48,
    "iterations": 24,
    "batch_size": 2,
    "accumulate": 1,
    "learning_rate": 1e-4,
    "save_every": SAVE_EVERY,
    "log_every": 2,
    "evaluate_every": 6,
    "device": "cpu",
    "workers": 1,
    "resume": True,
}


@dataclass(frozen=True)
class Trial:
    """A command on a small input."""

    command: list[str]
    progress: str
    """Pattern of the files by whose number the progress is told."""
    unit: int = 1
    """What that number grows by at a time; of checkpoints it counts clips."""


def make_predict(root: Path) -> Trial:
    """A clip of 40 frames; its state is written after each."""
    frames, masks = draw_clip(40, 48, 64, seed=1)
    write_frames(root / "frames", frames)
    write_labels(root / "first.png", masks[0])
    options = ["--size", "-1", "--device", "cpu", "--save", "overlay", "--save", "video", "--save", "sheet", "--resume"]
    given = [root / "frames", "--masks", root / "first.png", "--weights", weights(root), *options]
    return Trial(["predict", *map(str, given)], "*.png")


def make_prepare(root: Path) -> Trial:
    """72 frames of full size, by two processes."""
    frames = [
        frame("P01_01", f"seq_{number // 4:05d}", number, entity("cup", CUP), entity("knife", KNIFE))
        for number in range(72)
    ]
    pictures = dict.fromkeys((entry["image"]["name"] for entry in frames), photograph(1, 1080, 1920))
    annotations, images = Release({"train": {"P01_01": frames}}, {"P01_01": pictures}).write_folders(root)
    given = ["--annotations", annotations, "--images", images, "--split", "train", "--workers", "2"]
    return Trial(["prepare", *map(str, given)], "VISOR_2022/JPEGImages/**/*.jpg")


def videos(root: Path) -> Path:
    """Two videos to train on, one to validate on."""
    data = write_data_set(root / "data", {f"video{seed}": draw_clip(5, 48, 64, seed) for seed in range(3)})
    (data / "ImageSets/2022/val.txt").write_text("video2")
    (data / "ImageSets/2022/train.txt").write_text("video0\nvideo1")
    return data


def make_finetune(root: Path) -> Trial:
    """24 clips, with checkpoints, evaluations and a process that makes clips."""
    (root / "config.yaml").write_text(yaml.safe_dump(TRAINING))
    given = ["--config", root / "config.yaml", "--data", videos(root), "--weights", weights(root)]
    return Trial(["finetune", *map(str, given)], "checkpoints/*.pt", SAVE_EVERY)


def make_pretrain(root: Path) -> Trial:
    """The same of images; their index is built on the way."""
    noise = np.random.default_rng(0)
    frames = {index: noise.integers(0, 256, (60, 80, 3), dtype=np.uint8) for index in range(6)}
    shapes = [annotation(index, index % 6, square(5 + 3 * index, 8, 20)) for index in range(12)]
    coco = write_coco(root / "coco", [picture(index, 60, 80) for index in frames], shapes, frames)
    augmentation = {"min_own": 60, "min_pasted_box": 90, "min_visible": 5, "drift": [6, 3]}
    (root / "config.yaml").write_text(yaml.safe_dump({**TRAINING, "augmentation": augmentation}))
    given = ["--config", root / "config.yaml", "--coco", coco, "--validate-on", videos(root)]
    return Trial(["pretrain", *map(str, given), "--weights", str(weights(root))], "checkpoints/*.pt", SAVE_EVERY)


TRIALS: dict[str, Callable[[Path], Trial]] = {
    "predict": make_predict,
    "prepare": make_prepare,
    "finetune": make_finetune,
    "pretrain": make_pretrain,
}


def weights(root: Path) -> Path:
    path = root / "small.safetensors"
    save_weights(reference_stm("resnet18"), path)
    return path


def start(command: list[str], output: Path, log: Path) -> Any:
    """The command in a process of its own, forked from one that has the imports done."""
    process = multiprocessing.get_context("forkserver").Process(
        target=_main, args=([*command, "--output", str(output)], log)
    )
    process.start()
    return process


def _main(command: list[str], log: Path) -> None:
    os.setsid()  # by the session, the processes that it starts are found
    torch.set_num_threads(1)
    predict_video.SECONDS_BETWEEN_STATES = 0.0
    with log.open("w") as file:
        sys.argv, sys.stdout, sys.stderr = ["visorvos", *command], file, file
        command_line()


def expect(holds: bool, fault: str) -> None:
    if not holds:
        raise SystemExit(f"FAULT: {fault}")


def finish(process: Any, log: Path) -> None:
    process.join(600)
    expect(process.exitcode == 0, f"exit code {process.exitcode}: {log.read_text()}")


def contents(folder: Path) -> dict[str, object]:
    """What a user keeps of an output, by name; of ``metrics.csv`` all but the speed."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not path.name.startswith(".") and not name.startswith(_NOT_COMPARED):
            found[name] = _comparable(path)
    return found


def _comparable(path: Path) -> object:
    if path.name == "metrics.csv":
        return pd.read_csv(path).drop(columns="clips_per_second").to_csv()
    return path.read_bytes()


def check_whole(output: Path) -> None:
    """Whatever has its name can be read."""
    for path in output.rglob("*"):
        if path.name.startswith("."):
            continue
        if path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".safetensors":
            with safe_open(path, "pt") as file:
                expect(len(list(file.keys())) > 0, f"{path} holds nothing")
        elif path.suffix == ".pt":
            torch.load(path, weights_only=True)
        elif path.name == "metrics.csv":
            pd.read_csv(path)


def check_ended(session: int) -> None:
    """No process that the command started outlives it for long."""
    deadline = time.monotonic() + _SECONDS_TO_END
    while left := _processes(session):
        if time.monotonic() > deadline:
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            expect(False, f"processes are left behind: {left}")
        time.sleep(0.05)


def _processes(session: int) -> list[int]:
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    children = {child.pid for child in psutil.Process(server).children()}
    return [pid for pid in psutil.pids() if _belongs(pid, session, children)]


def _belongs(pid: int, session: int, children: set[int]) -> bool:
    try:
        return (os.getsid(pid) == session or pid in children) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def steps(output: Path, trial: Trial) -> int:
    """How far a run is: of checkpoints the clips of the newest, else files."""
    files = [path for path in output.glob(trial.progress) if not path.name.startswith(".")]
    return max((int(path.stem) for path in files), default=0) if trial.progress.endswith(".pt") else len(files)


def interrupted(trial: Trial, output: Path, log: Path, place: float, delay: float) -> bool:
    """Starts a run and kills it some seconds after it has come to a place; whether it did not end before."""
    process = start(trial.command, output, log)
    while process.exitcode is None and steps(output, trial) < place:
        process.join(0.005)
    process.join(delay)
    process.kill()
    process.join()
    check_ended(process.pid)
    check_whole(output)
    expect(process.exitcode in (0, -signal.SIGKILL), f"exit code {process.exitcode}: {log.read_text()}")
    return process.exitcode != 0


def check_same(output: Path, expected: dict[str, object], when: str) -> None:
    found = contents(output)
    differing = sorted(key for key in expected.keys() | found if expected.get(key) != found.get(key))
    expect(not differing, f"{when} differ {differing}")
    parts = list(output.rglob("*.part"))
    expect(not parts, f"{when} half files are left: {parts}")


def attack(name: str, kills: int, seed: int, root: Path) -> str:
    """Kills a command so many times, over as many courses as that takes.

    Returns:
        What was done.
    """
    (root / "input").mkdir()
    trial = TRIALS[name](root / "input")
    inputs = contents(root / "input")
    undisturbed, output, log = root / "undisturbed", root / "out", root / "log"
    finish(start(trial.command, root / "warm", log), log)
    began = time.monotonic()
    finish(start(trial.command, undisturbed, log), log)
    seconds = time.monotonic() - began
    expected, whole = contents(undisturbed), steps(undisturbed, trial)
    moments, courses = random.Random(seed), 0
    killed: list[int] = []
    # Between two tellings of the progress, too, any moment may be the one.
    longest = seconds * trial.unit / whole
    while len(killed) < kills:
        count = min(_KILLS_OF_A_COURSE, kills - len(killed))
        killed += [
            steps(output, trial)
            for place in sorted(moments.uniform(0, whole) for _ in range(count))
            if interrupted(trial, output, log, place, moments.uniform(0, longest))
        ]
        process = start(trial.command, output, log)
        finish(process, log)
        check_ended(process.pid)
        check_same(output, expected, f"after {len(killed)} kills with seed {seed}")
        shutil.rmtree(output)
        courses += 1
    now = contents(root / "input")
    expect(now == inputs, "an input was touched")
    return (
        f"{name}: {len(killed)} kills over {courses} courses of {seconds:.1f} s, seed {seed}; done at the kill, "
        f"of {whole}: {', '.join(map(str, killed))}; {len(expected)} files as of an undisturbed run each time"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=TRIALS)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    multiprocessing.set_forkserver_preload([f"visorvos.core.jobs.{job}" for job in TRIALS])
    with tempfile.TemporaryDirectory() as folder:
        print(attack(given.command, given.kills, given.seed, Path(folder)))  # noqa: T201 - the result


if __name__ == "__main__":
    main()
