"""ResNet-18 and ResNet-50 (He et al. 2016), as torchvision builds, names and initializes them.

Written here because importing torchvision takes as long as importing torch; it is imported only for ImageNet weights.
"""

from __future__ import annotations

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
        resnet = ResNet(Bottleneck if backbone.bottleneck else BasicBlock, backbone.blocks)
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


class BasicBlock(nn.Module):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = _conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        active: Tensor = self.relu(y)
        return active


class Bottleneck(nn.Module):
    """A 3x3 convolution, which has the stride, between two 1x1 convolutions."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, downsample: nn.Module | None) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, width * self.expansion, 1)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
        y = self.bn3(self.conv3(y))
        y += x if self.downsample is None else self.downsample(x)
        active: Tensor = self.relu(y)
        return active


class ResNet(nn.Module):
    """A ResNet, of which encoders use the stem and three stages.

    The rest is built as well and weights are drawn in torchvision's order, so that a seed gives the same as there.

    Args:
        block: the type of its residual blocks.
        counts: number of blocks in each stage.
    """

    def __init__(self, block: type[BasicBlock] | type[Bottleneck], counts: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, count in enumerate(counts, start=1):
            width, stride = 32 * 2**number, 1 if number == 1 else 2
            setattr(self, f"layer{number}", _stage(block, inputs, width, count, stride))
            inputs = width * block.expansion
        self.fc = nn.Linear(inputs, 1000)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        # Residual blocks start as the identity (Goyal et al. 2017), so that colors pass through an untrained network.
        for part in self.modules():
            if isinstance(part, BasicBlock):
                nn.init.zeros_(part.bn2.weight)
            elif isinstance(part, Bottleneck):
                nn.init.zeros_(part.bn3.weight)


def _stage(block: type[BasicBlock] | type[Bottleneck], inputs: int, width: int, count: int, stride: int) -> nn.Module:
    """A sequence of residual blocks; the first has the stride."""
    outputs = width * block.expansion
    downsample = None
    if stride != 1 or inputs != outputs:
        downsample = nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
    first = block(inputs, width, stride, downsample)
    return nn.Sequential(first, *(block(outputs, width, 1, None) for _ in range(count - 1)))
