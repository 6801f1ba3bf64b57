"""ResNet-18 and ResNet-50 (He et al. 2016), as torchvision builds, names and initializes them.

Written here because importing torchvision takes as long as importing torch; it is imported only for ImageNet weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from visorvos.core.network.backbones import BACKBONES
from visorvos.errors import VisorVosError


def load_resnet(name: str, *, pretrained: bool) -> nn.Module:
    """Builds the ResNet of a backbone.

    Args:
        name: one of `BACKBONES`.
        pretrained: load the ImageNet weights that torchvision (or timm) publishes, downloaded on first use.

    Raises:
        VisorVosError: for an unknown backbone, if timm is needed and missing, or if the ImageNet weights cannot be
            downloaded.
    """
    if name not in BACKBONES:
        raise VisorVosError(f"The backbone must be one of {', '.join(BACKBONES)}, got {name!r}.", "Choose one of them.")
    backbone = BACKBONES[name]
    try:
        if backbone.timm is not None:
            import timm

            from_timm: nn.Module = timm.create_model(backbone.timm, pretrained=pretrained)
            return from_timm
        resnet = ResNet(backbone.bottleneck, backbone.blocks)
        if pretrained:
            import torchvision

            # The published networks were trained from torchvision's first ImageNet weights.
            resnet.load_state_dict(torchvision.models.get_model(name, weights="IMAGENET1K_V1").state_dict())
        return resnet
    except ModuleNotFoundError as error:
        raise VisorVosError(
            f"The backbone {name} needs the library {error.name}, which is not installed.",
            "Install it: pip install 'visorvos[resnest]'",
        ) from error
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        reason = getattr(error, "reason", error)  # urllib's errors wrap that of the system
        raise VisorVosError(
            f"The ImageNet weights of {name} cannot be downloaded: {getattr(reason, 'strerror', None) or reason}.",
            "Check the connection, or start from random weights: --no-pretrained, STM(backbone, pretrained=False).",
        ) from error


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, or a 3x3 one between two 1x1 ones, each with a batch norm, added to the input.

    Args:
        inputs: channels of the input.
        width: channels of the 3x3 convolutions. Those of the output are as many, or four times as many in a bottleneck.
        stride: that of the first 3x3 convolution.
        bottleneck: whether there are 1x1 convolutions.
    """

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * width if bottleneck else width
        forms = [(inputs, width, 3, stride), (width, width, 3, 1)]
        if bottleneck:
            forms = [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
        self.count = len(forms)
        for number, form in enumerate(forms, start=1):
            self.add_module(f"conv{number}", _conv(*form))
            self.add_module(f"bn{number}", nn.BatchNorm2d(form[1]))
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = torch.relu_(y) if number > 1 else y
            y = self.get_submodule(f"bn{number}")(self.get_submodule(f"conv{number}")(y))
        y += x if self.downsample is None else self.downsample(x)
        return torch.relu_(y)


class ResNet(nn.Module):
    """A ResNet, of which encoders use the stem and three stages.

    The rest is built as well and weights are drawn in torchvision's order, so that a seed gives the same as there.

    Args:
        bottleneck: the form of its residual blocks.
        counts: number of blocks in each stage.
    """

    def __init__(self, bottleneck: bool, counts: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, count in enumerate(counts, start=1):
            blocks = []
            for index in range(count):
                width, stride = 32 * 2**number, 2 if number > 1 and index == 0 else 1
                blocks.append(ResidualBlock(inputs, width, stride, bottleneck))
                inputs = 4 * width if bottleneck else width
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, 1000)
        for part in self.modules():
            # Drawing normal numbers on the meta device would import torch._dynamo, which takes two seconds.
            if isinstance(part, nn.Conv2d) and not part.weight.is_meta:
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        # Residual blocks start as the identity (Goyal et al. 2017), so that colors pass through an untrained network.
        for name, weight in self.named_parameters():
            if name.endswith(".bn3.weight" if bottleneck else ".bn2.weight"):
                nn.init.zeros_(weight)
