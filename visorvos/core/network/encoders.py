"""ResNet encoders up to stride 16, for the query frame and memory frames (Oh et al. 2019, section 3.1)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from visorvos.core.network.each_object import each_object

IMAGENET_MEAN, IMAGENET_STD = (485, 456, 406), (229, 224, 225)
"""Thousandths: integers stay exact when the network is cast to half precision."""


class _Encoder(nn.Module):
    """Stem and first three stages of a ResNet, and the normalization that it was trained with."""

    thousand_means: Tensor
    thousand_stds: Tensor

    def __init__(self, resnet: Any) -> None:  # noqa: ANN401 - our ResNet and timm's share no type
        super().__init__()
        self.stem = resnet.conv1
        self.norm = resnet.bn1
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage_4 = resnet.layer1
        self.stage_8 = resnet.layer2
        self.stage_16 = resnet.layer3
        # On the CPU even where weights are on "meta": these are constants, and not in checkpoints.
        for name, values in (("thousand_means", IMAGENET_MEAN), ("thousand_stds", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values, device="cpu").view(1, 3, 1, 1), persistent=False)

    def normalize(self, frame: Tensor) -> Tensor:
        """Brings a frame (B, 3, H, W) in [0, 1] to ImageNet's statistics, in the precision of the weights."""
        normalized = (frame - self.thousand_means / 1000) / (self.thousand_stds / 1000)
        return normalized.to(self.norm.weight.dtype)

    def stages(self, stem: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The residual stages on the output of the stem, (B, C, H / 2, W / 2).

        Returns:
            Feature maps at the strides 16, 8 and 4, each (B, channels, H / stride, W / stride).
        """
        stride_4 = self.stage_4(self.pool(torch.relu(self.norm(stem))))
        stride_8 = self.stage_8(stride_4)
        return self.stage_16(stride_8), stride_8, stride_4


class QueryEncoder(_Encoder):
    """Encodes the frame to be segmented."""

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """``frame`` (B, 3, H, W) in [0, 1], H and W multiples of 16, to the maps of `stages`."""
        return self.stages(self.stem(self.normalize(frame)))


class MemoryEncoder(_Encoder):
    """Encodes a frame together with one object's mask and the mask of all other objects.

    Each passes its own convolution, and the results are summed before the first batch norm. The frame's part is the
    same for all objects and computed once.
    """

    def __init__(self, resnet: Any) -> None:  # noqa: ANN401 - our ResNet and timm's share no type
        super().__init__(resnet)
        width = self.norm.num_features
        self.stem_mask = nn.Conv2d(1, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.stem_others = nn.Conv2d(1, width, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, frame: Tensor, masks: Tensor) -> Tensor:
        """Encodes a frame with each object's mask.

        Args:
            frame: (B, 3, H, W) in [0, 1], H and W multiples of 16.
            masks: (B, N, H, W) in [0, 1].

        Returns:
            Stride-16 features (B, N, C, H / 16, W / 16).
        """
        others = (masks.sum(dim=1, keepdim=True) - masks).clamp(0, 1)
        planes = torch.stack((masks, others), dim=2).to(self.stem_mask.weight.dtype)
        # The sum of two convolutions of one plane each is one convolution of two planes.
        weight = torch.cat((self.stem_mask.weight, self.stem_others.weight), dim=1)
        frame_part = self.stem(self.normalize(frame)).unsqueeze(1)

        def encode(planes: Tensor) -> Tensor:
            shape = planes.shape[:2]
            object_part = conv2d(planes.flatten(0, 1), weight, stride=2, padding=3)
            stem = frame_part + object_part.unflatten(0, shape)
            result: Tensor = self.stages(stem.flatten(0, 1))[0].unflatten(0, shape)
            return result

        return each_object(encode, planes)
