"""``visorvos demo --quick``: every step, with too little training for scores to mean anything."""

from __future__ import annotations

import dataclasses
import io
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from tests.builders import read_labels
from tests.conftest import Run
from visorvos import load_weights, region_similarity
from visorvos.cli.commands.demo import show
from visorvos.core.jobs.demo import Demo


@pytest.fixture
def made(quick_demo: Demo) -> Demo:
    return quick_demo


@pytest.fixture
def output(made: Demo) -> Path:
    return made.overlay.parents[1]


@pytest.fixture
def result(made: Demo) -> dict[str, Any]:
    return made.to_dict()


def test_the_scores_are_those_of_the_masks(result: dict[str, Any], output: Path) -> None:
    scores = json.loads((output / "scores" / "scores-val.json").read_text())
    assert result["j_and_f"] == scores["J&F"]
    assert 0 < result["j_and_f_untrained"] < 0.3
    assert result["j_and_f_copied"] != result["j_and_f"] != result["j_and_f_untrained"]


def test_the_copy_is_the_first_mask_in_every_frame(result: dict[str, Any], output: Path) -> None:
    found = []
    for folder in sorted((output / "data" / "VISOR_2022" / "Annotations" / "480p").glob("P02_*")):
        truth = np.stack([read_labels(path) for path in sorted(folder.glob("*.png"))])
        copied = np.broadcast_to(truth[0], truth.shape)
        ids = range(1, int(truth[0].max()) + 1)
        found += [region_similarity(truth[1:] == index, copied[1:] == index).mean() for index in ids]
    scores = json.loads((output / "scores-copied" / "scores-val.json").read_text())
    assert scores["J"]["mean"] == pytest.approx(np.mean(found))


def test_both_stages_trained_the_network(result: dict[str, Any], output: Path) -> None:
    paths = [output / "untrained.safetensors", output / "stage1" / "last.safetensors", Path(result["weights"])]
    states = [load_weights(path).state_dict() for path in paths]
    for before, after in pairwise(states):
        assert not torch.equal(before["decoder.fuse.weight"], after["decoder.fuse.weight"])
    assert Path(result["overlay"]).is_file()
    assert (output / "prediction" / "overlay.mp4").stat().st_size > 1000


def test_no_video_is_in_both_splits(result: dict[str, Any], output: Path) -> None:
    lists = output / "data" / "VISOR_2022" / "ImageSets" / "2022"
    train, val = ((lists / f"{split}.txt").read_text().split() for split in ("train", "val"))
    assert (len(train), len(val)) == (8, 2)
    assert set(train).isdisjoint(val)


def test_the_table_shows_all_three(made: Demo, result: dict[str, Any]) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(show(made))
    text = console.export_text()
    for name in ("j_and_f_untrained", "j_and_f_copied", "j_and_f"):
        assert f" {100 * result[name]:.1f} " in text
    assert "The scores mean nothing" in text


def test_a_missing_device_is_refused_before_anything_is_written(run: Run, tmp_path: Path) -> None:
    missing = "cuda:99"
    done = run("demo", "--quick", "--output", tmp_path / "demo", "--device", missing)
    assert done.code == 1
    assert f"Device not found: {missing}." in done.err
    assert not (tmp_path / "demo").exists()


def test_quick_scores_are_said_to_mean_nothing(made: Demo) -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(show(made))
    assert "The scores mean nothing" in console.export_text()
    console.print(show(dataclasses.replace(made, quick=False)))
    assert "mean nothing" not in console.export_text()


def test_a_missing_device_is_refused_first(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    done = run("demo", "--output", tmp_path / "out", "--quick", "--device", "cuda")
    assert done.code == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("other", "sentence"),
    [(("--quick", "--seed", 1), "--seed was 0, now 1"), (("--seed", 0), "--quick was on, now off")],
)
def test_demos_are_not_mixed(made: Demo, output: Path, run: Run, other: tuple[object, ...], sentence: str) -> None:
    before = sorted(path.stat().st_mtime_ns for path in output.rglob("*"))
    done = run("demo", "--output", output, *other)
    assert done.code == 1
    assert sentence in " ".join(done.err.split())
    assert sorted(path.stat().st_mtime_ns for path in output.rglob("*")) == before
