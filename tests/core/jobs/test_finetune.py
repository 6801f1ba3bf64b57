"""``visorvos finetune`` from the command line on a tiny data set: what it leaves, and what it survives."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from tests.builders import GOLDEN, write_data_set
from tests.conftest import Run
from tests.forked import by_two, finish, start
from tests.training_runs import (
    arguments,
    assert_same_weights,
    killed_after_checkpoint,
    signaled_after_first_row,
    squares,
    without_plot,
)
from visorvos import load_weights
from visorvos.core.training.run_folder import checkpoints

VISOR = GOLDEN / "release" / "VISOR_2022"
pytestmark = pytest.mark.usefixtures("no_plot")


def test_what_a_run_leaves(undisturbed: Path, data: Path, weights: Path) -> None:
    assert {path.name for path in undisturbed.iterdir()} == {
        *("best.safetensors", "checkpoints", "last.safetensors", "metrics.csv"),
        *("settings.yaml", "training.png", "validation"),
    }
    with Image.open(undisturbed / "training.png") as plot:
        assert plot.width >= 1000
    assert [path.stem for path in checkpoints(undisturbed)] == ["000000008", "000000012"]
    table = pd.read_csv(undisturbed / "metrics.csv")
    assert table["clips"].tolist() == [4, 6, 8, 12]
    assert table["j_and_f"].notna().tolist() == [False, True, False, True]
    assert table["loss"].notna().all()
    settings = yaml.safe_load((undisturbed / "settings.yaml").read_text())
    assert settings["crop_size"] == 32
    assert settings["augmentation"]["rotation"] == 30
    before, after = load_weights(weights).state_dict(), load_weights(undisturbed / "last.safetensors").state_dict()
    assert not torch.equal(before["decoder.fuse.weight"], after["decoder.fuse.weight"])
    assert torch.equal(before["query_encoder.norm.running_mean"], after["query_encoder.norm.running_mean"])
    assert len(list((undisturbed / "validation" / "video2").glob("*.png"))) == 5


def test_the_best_weights_are_those_with_the_best_score(undisturbed: Path, data: Path, run: Run) -> None:
    best = pd.read_csv(undisturbed / "metrics.csv")["j_and_f"].max()
    scores = undisturbed.parent / "scores"
    weights = undisturbed / "best.safetensors"
    done = run("evaluate", "--data", data, "--weights", weights, "--size", 48, "--output", scores, "--device", "cpu")
    assert done.code == 0, done.err
    table = pd.read_csv(scores / "global_results-val.csv")
    assert table["J&F-Mean"][0] == pytest.approx(best, abs=5e-4)  # three decimals, as DAVIS writes them


def test_a_run_killed_again_and_again_ends_with_the_same_weights(
    undisturbed: Path, data: Path, weights: Path, tmp_path: Path
) -> None:
    output = tmp_path / "killed"
    command = arguments(data, output, weights, "--resume", save_every=2)
    log = tmp_path / "log"
    # After the first checkpoint, and after a later one; tests/faults/killed.py kills at random moments.
    for number in (1, 2):
        process = start(command, log, arrange=killed_after_checkpoint(number))
        assert finish(process) == -signal.SIGKILL, "it was killed before its end"
    assert finish(start(command, log, arrange=without_plot)) == 0, log.read_text()
    assert "Resuming after" in log.read_text()
    assert_same_weights(output / "last.safetensors", undisturbed / "last.safetensors")
    assert_same_weights(output / "best.safetensors", undisturbed / "best.safetensors")
    columns = ["clips", "loss", "loss_second", "loss_third", "gradient", "learning_rate", "j_and_f", "j", "f"]
    found, expected = (pd.read_csv(folder / "metrics.csv")[columns] for folder in (output, undisturbed))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_first_then_stops(number: signal.Signals, data: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "stopped"
    # Nothing but the signal makes it save; the run is too long to end by itself.
    command = arguments(data, output, weights, save_every=10_000, iterations=100_000, evaluate_every=0)
    log = tmp_path / "log"
    process = start(command, log, arrange=signaled_after_first_row(number))
    code, errors = finish(process), log.read_text()
    assert code == 1, errors
    assert f"Stopped by {number.name} after" in " ".join(errors.split())
    assert "--resume" in errors
    (state,) = checkpoints(output)
    clips = int(state.stem)
    assert clips % 2 == 0
    assert 0 < clips < 100_000
    load_weights(output / "last.safetensors")


def test_a_run_is_not_written_over(undisturbed: Path, data: Path, weights: Path, run: Run) -> None:
    done = run(*arguments(data, undisturbed, weights))
    assert done.code == 1
    assert "already holds a training run" in done.err


def test_a_run_that_is_done_stays_as_it_is(undisturbed: Path, data: Path, weights: Path, run: Run) -> None:
    before = (undisturbed / "last.safetensors").read_bytes()
    done = run(*arguments(data, undisturbed, weights, "--resume", "--json"))
    assert done.code == 0, done.err
    assert '"clips": 12' in done.out
    assert (undisturbed / "last.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"crop_size": 64}, "--crop-size was 32, now 64"),
        ({"accumulate": 2}, "--batch-size x --accumulate changed: was 2, now 4"),
        ({"augmentation": {"rotation": 5}}, "augmentation.rotation was 30, now 5"),
        ({"split": "val"}, "--split was train, now val"),
    ],
)
def test_a_run_goes_on_with_its_own_options_alone(
    undisturbed: Path, data: Path, weights: Path, run: Run, changed: dict[str, object], sentence: str
) -> None:
    done = run(*arguments(data, undisturbed, weights, "--resume", **changed))
    assert done.code == 1
    assert sentence in " ".join(done.err.split())


@pytest.mark.parametrize("version", ["0.1.0", "older"])
def test_a_run_of_an_older_version_is_resumed(
    undisturbed: Path, data: Path, weights: Path, run: Run, tmp_path: Path, version: str
) -> None:
    """What its record lacks counts as the default."""
    output = shutil.copytree(undisturbed, tmp_path / "out")
    for path in checkpoints(output):
        state = torch.load(path, weights_only=True)
        record = state["made_from"]
        del record["options"]["warm_up"], record["options"]["augmentation"]["shear"]
        if version == "0.1.0":
            inputs = {"batch_size x accumulate": 2, "data": record["inputs"]["the data"]}
            state["made_from"] = {**record["options"], "max_skip": 1, **inputs}
        torch.save(state, path)
    done = run(*arguments(data, output, weights, "--resume"))
    assert done.code == 0, done.err
    assert "Resuming after 12 clips" in done.err
    done = run(*arguments(data, output, weights, "--resume", warm_up=4))
    assert done.code == 1
    assert "--warm-up was 0, now 4" in " ".join(done.err.split())


def test_other_data_is_seen(undisturbed: Path, weights: Path, run: Run, tmp_path: Path) -> None:
    videos = {f"video{number}": squares(number) for number in range(3)}
    root = write_data_set(tmp_path / "other", videos)
    (root / "ImageSets" / "2022" / "train.txt").write_text("video0\nvideo1\nvideo2")
    done = run(*arguments(root, undisturbed, weights, "--resume"))
    assert done.code == 1
    assert "the data changed: was 2 videos, 10 frames" in " ".join(done.err.split())


def test_weights_of_another_backbone_are_refused(data: Path, weights: Path, run: Run, tmp_path: Path) -> None:
    done = run(*arguments(data, tmp_path / "out", weights, backbone="resnet50"))
    assert done.code == 1
    assert "--backbone must be resnet18" in " ".join(done.err.split())
    assert not (tmp_path / "out").exists()


def test_two_processes_learn_what_one_does(undisturbed: Path, data: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "two"
    done = by_two(arguments(data, output, weights, "--json"), tmp_path, without_plot)
    assert done.code == 0, done.err
    assert done.out.count('"clips": 12') == 1, "one process speaks for both"
    found, expected = (pd.read_csv(folder / "metrics.csv") for folder in (output, undisturbed))
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-4)
    np.testing.assert_allclose(found["gradient"], expected["gradient"], rtol=1e-3)
    assert found["clips"].tolist() == expected["clips"].tolist()


@pytest.fixture(scope="module")
def other_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos, of which one is too short to train on."""
    frames, masks = squares(5)
    videos = {"other": squares(4), "short": (frames[:2], masks[:2])}
    root = write_data_set(tmp_path_factory.mktemp("other"), videos)
    (root / "ImageSets" / "2022" / "train.txt").write_text("other\nshort")
    return root


def test_several_data_sets_are_trained_on_and_resumed(
    data: Path, other_data: Path, weights: Path, run: Run, tmp_path: Path
) -> None:
    """A run that is killed and resumed ends with the weights of one that is not."""
    whole, resumed, log = tmp_path / "whole", tmp_path / "resumed", tmp_path / "log"
    more = ("--data", f"{other_data}:2", "--max-skip", "2,0,1", "--resume")
    done = run(*arguments(data, whole, weights, *more, evaluate_every=0))
    assert done.code == 0, done.err
    sentence = "sequences with fewer than 3 annotated frames are not trained on (1): short."
    assert " ".join(done.err.split()).count(sentence) == 1
    settings = yaml.safe_load((whole / "settings.yaml").read_text())
    assert settings["data"] == [str(data), f"{other_data}:2"]
    assert settings["max_skip"] == [2, 0, 1]
    process = start(arguments(data, resumed, weights, *more, evaluate_every=0), log, arrange=killed_after_checkpoint(1))
    assert finish(process) == -signal.SIGKILL
    done = run(*arguments(data, resumed, weights, *more, evaluate_every=0))
    assert done.code == 0, done.err
    assert "Resuming after 4 clips" in done.err
    assert_same_weights(resumed / "last.safetensors", whole / "last.safetensors")
    done = run(*arguments(data, resumed, weights, "--data", f"{other_data}:3", "--max-skip", "2,0,1", "--resume"))
    assert done.code == 1
    assert "the data changed" in " ".join(done.err.split())


def test_data_without_a_long_sequence_is_refused(other_data: Path, weights: Path, run: Run, tmp_path: Path) -> None:
    (other_data / "ImageSets" / "2022" / "short.txt").write_text("short")
    done = run(*arguments(other_data, tmp_path / "out", weights, "--split", "short"))
    assert done.code == 1
    assert "a clip needs 3 annotated frames" in " ".join(done.err.split())


def test_a_prepared_data_set_is_trained_on(weights: Path, run: Run, tmp_path: Path) -> None:
    done = run(*arguments(VISOR, tmp_path / "out", weights, iterations=2, evaluate_every=0))
    assert done.code == 0, done.err
    assert "nothing was evaluated" in done.out
