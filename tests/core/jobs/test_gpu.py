"""A GPU computes what a CPU does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from tests.builders import draw_clip, golden, noise, read_labels, write_frames, write_labels
from tests.conftest import Run
from tests.training_runs import arguments
from visorvos import STM, save_weights
from visorvos.core.network.memory_read import read_memory

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


def masks(folder: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.stack([read_labels(path) for path in sorted(folder.glob("*.png"))])


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("key", "value"), [(32, 128), (128, 512)])
@pytest.mark.parametrize("objects", [1, 3])
def test_the_memory_is_read_as_on_a_cpu(precision: str, key: int, value: int, objects: int) -> None:
    query = noise(1, key, 12, 20)
    keys, values = noise(1, objects, key, 3, 12, 20, seed=1), noise(1, objects, value, 3, 12, 20, seed=2)

    def on_gpu(tensor: Tensor) -> Tensor:
        return tensor.to("cuda", getattr(torch, precision))

    found = read_memory(on_gpu(query), on_gpu(keys), on_gpu(values)).double().cpu()
    expected = read_memory(query.double(), keys.double(), values.double())
    assert (found - expected).norm() <= (1e-5 if precision == "float32" else 1e-2) * expected.norm()


def test_predicted_masks_are_the_references(golden_stm: STM, run: Run, tmp_path: Path) -> None:
    recorded = golden(f"propagation_{golden_stm.backbone}")
    frames = write_frames(tmp_path / "frames", list(recorded["frames"]))
    mask = write_labels(tmp_path / "first.png", recorded["first_label"])
    save_weights(golden_stm, tmp_path / "stm.safetensors")
    given = ("predict", frames, "--masks", mask, "--weights", tmp_path / "stm.safetensors", "--size", -1)
    done = run(*given, "--output", tmp_path / "out", "--device", "cuda", "--precision", "float32")
    assert done.code == 0, done.err
    assert np.mean(masks(tmp_path / "out")[1:] == recorded["masks_every_five"][1:]) >= 0.999


@pytest.mark.parametrize("views", [(), ("--flip", "--scales", "1.0,1.5")])
def test_bfloat16_finds_the_objects(weights: Path, run: Run, tmp_path: Path, views: tuple[str, ...]) -> None:
    """The default on a GPU."""
    frames, labels = draw_clip(6, 64, 90, seed=3)
    write_frames(tmp_path / "frames", frames)
    mask = write_labels(tmp_path / "first.png", labels[0])
    given = ("predict", tmp_path / "frames", "--masks", mask, "--weights", weights, "--size", -1, *views)
    for precision in ("float32", "auto"):
        done = run(*given, "--output", tmp_path / precision, "--device", "cuda", "--precision", precision)
        assert done.code == 0, done.err
    # Untrained weights turn rounding into other masks, more from frame to frame; by chance a quarter would agree.
    found, expected = (masks(tmp_path / precision)[1] for precision in ("auto", "float32"))
    assert np.mean(found == expected) >= 0.6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_takes_the_same_steps(data: Path, weights: Path, run: Run, tmp_path: Path, precision: str) -> None:
    losses = {}
    for device in ("cpu", "cuda"):
        done = run(*arguments(data, tmp_path / device, weights, device=device, precision=precision))
        assert done.code == 0, done.err
        losses[device] = pd.read_csv(tmp_path / device / "metrics.csv")["loss"]
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=0.02)
