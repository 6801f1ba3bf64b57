"""A backbone is one entry in one table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from visorvos import STM, load_weights, save_weights
from visorvos.core.network.backbones import BACKBONES, Backbone, find_backbone
from visorvos.core.weights.reference_names import from_reference, to_reference


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_is_found_by_its_keys(name: str) -> None:
    if BACKBONES[name].timm:
        pytest.importorskip("timm", reason="the extra resnest is not installed")
    with torch.device("meta"):
        keys = list(STM(name, pretrained=False).state_dict())
    assert find_backbone(keys) == name
    assert find_backbone([from_reference(to_reference(key)) for key in keys]) == name
    assert find_backbone(keys[:10]) is None


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_one_entry_adds_a_backbone(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Backbone((1, 2, 1, 1), False, (256, 128, 64), key=16, value=32)
    monkeypatch.setitem(BACKBONES, "resnet12", entry)
    stm = STM("resnet12", pretrained=False).eval()
    save_weights(stm, tmp_path / f"small{suffix}")
    loaded = load_weights(tmp_path / f"small{suffix}")
    assert loaded.backbone == "resnet12"
    with torch.no_grad():
        keys, values = loaded.memorize(torch.rand(1, 3, 32, 48), torch.rand(1, 1, 32, 48))
    assert (keys.shape, values.shape) == ((1, 1, 16, 2, 3), (1, 1, 32, 2, 3))
    monkeypatch.delitem(BACKBONES, "resnet12")
    with pytest.raises(Exception, match=r"other residual blocks|got the backbone resnet12"):
        load_weights(tmp_path / f"small{suffix}")


def test_options_offer_every_backbone() -> None:
    """In a fresh process, where PyTorch cannot be imported."""
    script = """
import sys
sys.modules["torch"] = None
from visorvos.core.network.backbones import BACKBONES
from visorvos.settings.benchmark import BenchmarkSettings
from visorvos.settings.finetune import FinetuneSettings
for name in BACKBONES:
    assert BenchmarkSettings(backbone=[name]).backbone == (name,)
    assert FinetuneSettings(data="x", output="y", backbone=name).backbone == name
try:
    FinetuneSettings(data="x", output="y", backbone="vgg16")
except ValueError:
    pass
else:
    raise SystemExit("an unknown backbone was accepted")
"""
    subprocess.run([sys.executable, "-c", script], check=True)
