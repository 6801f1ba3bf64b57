"""``visorvos pretrain`` from the command line on a tiny data set of COCO's shape."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from tests.builders import GOLDEN
from tests.conftest import Run
from visorvos import load_weights
from visorvos.core.datasets.synthetic.release import write_synthetic_coco

VISOR = GOLDEN / "release" / "VISOR_2022"
SMALL = {
    "crop_size": 32,
    "short_side": 48,
    "iterations": 4,
    "batch_size": 2,
    "accumulate": 1,
    "log_every": 2,
    "device": "cpu",
    "augmentation": {"min_own": 60, "min_pasted_box": 90, "min_visible": 5, "drift": [6, 3]},
}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(SMALL))
    return path


@pytest.fixture(scope="module")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("coco")
    write_synthetic_coco(root, images=6, seed=0)
    return root


def test_images_make_a_network(run: Run, config: Path, coco: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    done = run("pretrain", "--config", config, "--coco", coco, "--output", output, "--weights", weights)
    assert done.code == 0, done.err
    assert "4 clips in" in done.out
    assert "nothing was evaluated" in done.out
    assert "Indexing" in done.err
    before, after = load_weights(weights).state_dict(), load_weights(output / "last.safetensors").state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert pd.read_csv(output / "metrics.csv")["clips"].tolist() == [2, 4]


def test_it_is_validated_on_videos(run: Run, config: Path, coco: Path, weights: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    done = run(
        *("pretrain", "--config", config, "--coco", coco, "--output", output, "--weights", weights),
        *("--validate-on", VISOR, "--evaluate-every", 4, "--validation-sequences", 1, "--iterations", 2),
    )
    assert done.code == 0, done.err
    assert "best.safetensors" in done.out
    assert [path.name for path in (output / "validation").iterdir()] == ["P07_101_seq_00001"]


def test_coco_that_is_not_there_is_told(run: Run, config: Path, tmp_path: Path) -> None:
    done = run("pretrain", "--config", config, "--coco", tmp_path, "--output", tmp_path / "out")
    assert done.code == 1
    assert f"Annotations not found: {tmp_path}/annotations/instances_train2017.json" in done.err.replace("\n", "")
    assert not (tmp_path / "out").exists()
