"""ResNet encoders up to stride 16, for the query frame and memory frames (Oh et al. 2019, section 3.1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from visorvos.core.network.each_object import each_object
from visorvos.core.network.trunk import Trunk

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Features", "MemoryEncoder", "QueryEncoder"]

# In thousandths: integers stay exact when the network is cast to half precision.
IMAGENET_MEAN = (485, 456, 406)
IMAGENET_STD = (229, 224, 225)


class Features(NamedTuple):
    """Feature maps of one frame at three strides, each (B, channels, H / stride, W / stride)."""

    stride_16: Tensor
    stride_8: Tensor
    stride_4: Tensor


class _Encoder(nn.Module):
    """Stem and three residual stages of a ResNet, with the normalization it was trained on."""

    thousand_means: Tensor
    thousand_stds: Tensor

    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.stem = trunk.stem
        self.norm = trunk.norm
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage_4 = trunk.stage_4
        self.stage_8 = trunk.stage_8
        self.stage_16 = trunk.stage_16
        # Constants, not weights: kept out of checkpoints, and real even while weights are on "meta".
        for name, values in (("thousand_means", IMAGENET_MEAN), ("thousand_stds", IMAGENET_STD)):
            constant = torch.tensor(values, device="cpu").view(1, 3, 1, 1)
            self.register_buffer(name, constant, persistent=False)

    @property
    def mean(self) -> Tensor:
        """ImageNet's mean of each channel, float32 (1, 3, 1, 1)."""
        return self.thousand_means / 1000

    @property
    def std(self) -> Tensor:
        """ImageNet's standard deviation of each channel, float32 (1, 3, 1, 1)."""
        return self.thousand_stds / 1000

    def normalize(self, frame: Tensor) -> Tensor:
        """A frame (B, 3, H, W) in [0, 1] to ImageNet's statistics, in the precision of the weights."""
        return ((frame - self.mean) / self.std).to(self.norm.weight.dtype)

    def stages(self, stem: Tensor) -> Features:
        """The residual stages on what the stem gave, (B, C, H / 2, W / 2)."""
        stride_4 = self.stage_4(self.pool(torch.relu(self.norm(stem))))
        stride_8 = self.stage_8(stride_4)
        return Features(self.stage_16(stride_8), stride_8, stride_4)


class QueryEncoder(_Encoder):
    """Encodes the frame to be segmented."""

    def forward(self, frame: Tensor) -> Features:
        """``frame`` (B, 3, H, W) in [0, 1], H and W multiples of 16."""
        return self.stages(self.stem(self.normalize(frame)))


class MemoryEncoder(_Encoder):
    """Encodes a frame together with one object's mask and the mask of all other objects.

    Frame, mask and others each pass a convolution of their own and are summed before the first batch
    norm. The frame's part is the same for all objects and is computed once.
    """

    def __init__(self, trunk: Trunk) -> None:
        super().__init__(trunk)
        width = trunk.stem_channels
        self.stem_mask = nn.Conv2d(1, width, kernel_size=7, stride=2, padding=3, bias=False)
        self.stem_others = nn.Conv2d(1, width, kernel_size=7, stride=2, padding=3, bias=False)

    def forward(self, frame: Tensor, masks: Tensor) -> Tensor:
        """Stride-16 features of every object.

        Args:
            frame: (B, 3, H, W) in [0, 1], H and W multiples of 16.
            masks: (B, N, H, W) in [0, 1].

        Returns:
            (B, N, C, H / 16, W / 16).
        """
        others = (masks.sum(dim=1, keepdim=True) - masks).clamp(0, 1)
        planes = torch.stack((masks, others), dim=2).to(self.stem_mask.weight.dtype)
        # Two convolutions of one plane, summed, are one convolution of two planes.
        weight = torch.cat((self.stem_mask.weight, self.stem_others.weight), dim=1)
        frame_part = self.stem(self.normalize(frame)).unsqueeze(1)

        def encode(planes: Tensor) -> Tensor:
            shape = planes.shape[:2]
            object_part = conv2d(planes.flatten(0, 1), weight, stride=2, padding=3)
            stem = frame_part + object_part.unflatten(0, shape)
            features: Tensor = self.stages(stem.flatten(0, 1)).stride_16.unflatten(0, shape)
            return features

        return each_object(encode, planes)
