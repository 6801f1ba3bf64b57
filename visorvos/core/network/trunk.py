"""The part of a backbone that an encoder is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from visorvos.core.network.backbones import BACKBONES
from visorvos.core.network.resnet import BasicBlock, Bottleneck, ResNet
from visorvos.errors import VisorVosError

__all__ = ["Trunk", "load_trunk"]


@dataclass(frozen=True)
class Trunk:
    """Stem and first three stages of a ResNet."""

    stem: nn.Module
    norm: nn.BatchNorm2d
    stage_4: nn.Module
    stage_8: nn.Module
    stage_16: nn.Module
    stem_channels: int


def load_trunk(name: str, *, pretrained: bool, init_weights: bool = True) -> Trunk:
    """Builds a ResNet and cuts it after its third stage (stride 16).

    Args:
        name: one of `BACKBONES`.
        pretrained: load the ImageNet weights that torchvision (or timm) publishes, downloaded on first use.
        init_weights: draw random weights as torchvision does; False leaves those of PyTorch's layers.

    Raises:
        VisorVosError: for an unknown backbone, if timm is needed and missing, or if the ImageNet weights cannot be
            downloaded.
    """
    if name not in BACKBONES:
        raise VisorVosError(f"The backbone must be one of {', '.join(BACKBONES)}, got {name!r}.", "Choose one of them.")
    backbone = BACKBONES[name]
    try:
        resnet: Any = _from_timm(name, backbone.timm, pretrained) if backbone.timm else None
        if resnet is None:
            block = Bottleneck if backbone.bottleneck else BasicBlock
            resnet = ResNet(block, backbone.blocks, init_weights)
            if pretrained:
                import torchvision

                # The published networks were trained from torchvision's first ImageNet weights.
                state = torchvision.models.get_model(name, weights="IMAGENET1K_V1").state_dict()
                resnet.load_state_dict(state)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise VisorVosError(
            f"The ImageNet weights of {name} cannot be downloaded: {error}.",
            "Check the connection, or start from random weights: --no-pretrained, STM(backbone, pretrained=False).",
        ) from error
    return Trunk(resnet.conv1, resnet.bn1, resnet.layer1, resnet.layer2, resnet.layer3, backbone.stem)


def _from_timm(name: str, model: str, pretrained: bool) -> nn.Module:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise VisorVosError(
            f"The backbone {name} needs the library timm, which is not installed.",
            "Install it: pip install 'visorvos[resnest]'",
        ) from error
    network: nn.Module = timm.create_model(model, pretrained=pretrained)
    return network
