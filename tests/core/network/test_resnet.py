from __future__ import annotations

import pytest
import torch
import torchvision

from visorvos.core.network.resnet import load_resnet


@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_it_equals_torchvisions(backbone: str) -> None:
    torch.manual_seed(4)
    ours = load_resnet(backbone, pretrained=False)
    torch.manual_seed(4)
    theirs = torchvision.models.get_model(backbone, weights=None, zero_init_residual=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name
    for part in theirs.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(part.weight, 0.5, 1)
            torch.nn.init.uniform_(part.running_mean, -0.1, 0.1)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 64, 20, 28)
    with torch.inference_mode():
        for stage in ("layer1", "layer2", "layer3"):
            mine, x = getattr(ours.eval(), stage)(x), getattr(theirs.eval(), stage)(x)
            assert torch.equal(mine, x)


def test_pretrained_weights_are_torchvisions(monkeypatch: pytest.MonkeyPatch) -> None:
    made = torchvision.models.get_model("resnet18", weights=None)
    asked: list[object] = []
    monkeypatch.setattr(torchvision.models, "get_model", lambda name, weights: asked.append((name, weights)) or made)
    resnet = load_resnet("resnet18", pretrained=True)
    assert asked == [("resnet18", "IMAGENET1K_V1")]
    assert torch.equal(resnet.conv1.weight, made.conv1.weight)  # type: ignore[arg-type]
