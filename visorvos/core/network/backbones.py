"""The ResNets that the encoders are cut from, and the channel counts that follow from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from visorvos.core.network.resnet import BasicBlock, Bottleneck, ResNet
from visorvos.errors import VisorVosError

__all__ = ["BACKBONES", "Trunk", "Widths", "load_trunk"]


@dataclass(frozen=True)
class Widths:
    """Channels of the network's feature maps, keys and values for one backbone."""

    stride_16: int
    stride_8: int
    stride_4: int
    key: int
    value: int
    context: bool = False
    """Whether a block of dilated convolutions widens the view of the memory read-out (ResNeSt only)."""


BACKBONES: dict[str, Widths] = {
    "resnet50": Widths(stride_16=1024, stride_8=512, stride_4=256, key=128, value=512),
    "resnet18": Widths(stride_16=256, stride_8=128, stride_4=64, key=32, value=128),
    "resnest101": Widths(stride_16=1024, stride_8=512, stride_4=256, key=128, value=512, context=True),
}


@dataclass(frozen=True)
class Trunk:
    """The parts of a ResNet that an encoder is made of."""

    stem: nn.Module
    norm: nn.BatchNorm2d
    stage_4: nn.Module
    stage_8: nn.Module
    stage_16: nn.Module
    stem_channels: int


def load_trunk(backbone: str, *, pretrained: bool) -> Trunk:
    """A fresh ResNet, cut after its third stage (stride 16).

    Args:
        backbone: one of `BACKBONES`.
        pretrained: take the ImageNet weights that torchvision (or timm) publishes, downloaded on first use.

    Raises:
        VisorVosError: for an unknown backbone, where timm is needed and missing, or where the ImageNet weights
            cannot be downloaded.
    """
    if backbone not in BACKBONES:
        raise VisorVosError(f"There is no backbone named {backbone!r}.", f"Choose one of {', '.join(BACKBONES)}.")
    try:
        if backbone == "resnest101":
            return _cut(_resnest101(pretrained), stem_channels=128)
        return _cut(_resnet(backbone, pretrained), stem_channels=64)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise VisorVosError(
            f"The ImageNet weights of {backbone} cannot be downloaded: {error}.",
            "Mend the connection, or start without them: STM(backbone, pretrained=False).",
        ) from error


def _resnet(backbone: str, pretrained: bool) -> nn.Module:
    resnet = ResNet(Bottleneck, (3, 4, 6, 3)) if backbone == "resnet50" else ResNet(BasicBlock, (2, 2, 2, 2))
    if pretrained:
        import torchvision

        # The recipe's networks started from the first ImageNet weights that torchvision published.
        resnet.load_state_dict(torchvision.models.get_model(backbone, weights="IMAGENET1K_V1").state_dict())
    return resnet


def _resnest101(pretrained: bool) -> nn.Module:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise VisorVosError(
            "The backbone resnest101 needs the library timm, which is not installed.",
            "Install it: pip install 'visorvos[resnest]'",
        ) from error
    network: nn.Module = timm.create_model("resnest101e", pretrained=pretrained)
    return network


def _cut(resnet: Any, stem_channels: int) -> Trunk:  # noqa: ANN401 - torchvision's and timm's share no type
    return Trunk(resnet.conv1, resnet.bn1, resnet.layer1, resnet.layer2, resnet.layer3, stem_channels)
