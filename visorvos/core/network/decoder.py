"""From the memory read-out to each object's mask (Oh et al. 2019, section 3.3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate

from visorvos.core.network.backbones import Backbone
from visorvos.core.network.each_object import each_object

_WIDTH = 256


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)


class ResidualBlock(nn.Module):
    """Pre-activation residual block (relu, 3x3, relu, 3x3), with biases and no batch norm.

    Args:
        width: channels in and out.
        rectified: the identity branch carries relu(x) instead of x, as in the published ResNeSt network.
    """

    def __init__(self, width: int, rectified: bool = False) -> None:
        super().__init__()
        self.conv1 = _conv3x3(width, width)
        self.conv2 = _conv3x3(width, width)
        self.rectified = rectified

    def forward(self, x: Tensor) -> Tensor:
        active = torch.relu(x)
        residual: Tensor = self.conv2(torch.relu_(self.conv1(active)))
        return residual.add_(active if self.rectified else x)


class Refinement(nn.Module):
    """Doubles the resolution of a map, using the query frame's features at the new resolution."""

    def __init__(self, inputs: int, rectified: bool) -> None:
        super().__init__()
        self.skip = _conv3x3(inputs, _WIDTH)
        self.skip_block = ResidualBlock(_WIDTH, rectified)
        self.block = ResidualBlock(_WIDTH, rectified)

    def encode_skip(self, feature: Tensor) -> Tensor:
        """The part that is the same for all objects: (B, C, H, W) -> (B, 256, H, W)."""
        result: Tensor = self.skip_block(self.skip(feature))
        return result

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        """``coarse`` (B * N, 256, H / 2, W / 2) and ``skip`` (B, 256, H, W) -> (B * N, 256, H, W)."""
        doubled = interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        by_clip = doubled.unflatten(0, (skip.shape[0], -1))
        result: Tensor = self.block((by_clip + skip.unsqueeze(1)).flatten(0, 1))
        return result


class Context(nn.Module):
    """Parallel dilated convolutions on the read-out (ASPP), in the ResNeSt network only."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch_1 = nn.Conv2d(inputs, _WIDTH, kernel_size=1, bias=False)
        self.branch_2 = nn.Conv2d(inputs, _WIDTH, kernel_size=3, padding=2, dilation=2, bias=False)
        self.branch_4 = nn.Conv2d(inputs, _WIDTH, kernel_size=3, padding=4, dilation=4, bias=False)
        self.branch_8 = nn.Conv2d(inputs, _WIDTH, kernel_size=3, padding=8, dilation=8, bias=False)
        self.merge = nn.Conv2d(4 * _WIDTH, _WIDTH, kernel_size=1, bias=False)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch_1, self.branch_2, self.branch_4, self.branch_8)
        wide = torch.cat([torch.relu(branch(x)) for branch in branches], dim=1)
        result: Tensor = self.dropout(torch.relu(self.merge(wide)))
        return result


class Decoder(nn.Module):
    """Two refinement stages from stride 16 to stride 4, then two channels per object."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        rectified = backbone.context
        _, stride_8, stride_4 = backbone.features
        self.context = Context(2 * backbone.value) if backbone.context else None
        self.fuse = _conv3x3(_WIDTH if backbone.context else 2 * backbone.value, _WIDTH)
        self.block = ResidualBlock(_WIDTH, rectified)
        self.refine_8 = Refinement(stride_8, rectified)
        self.refine_4 = Refinement(stride_4, rectified)
        self.predict = _conv3x3(_WIDTH, 2)

    def encode_skips(self, stride_8: Tensor, stride_4: Tensor) -> tuple[Tensor, Tensor]:
        """The part of the decoder that comes from the query frame alone: (B, 256, H / stride, W / stride) each."""
        return self.refine_8.encode_skip(stride_8), self.refine_4.encode_skip(stride_4)

    def forward(self, read_out: Tensor, query_value: Tensor, skips: tuple[Tensor, Tensor]) -> Tensor:
        """Decodes each object's logits, independent of the other objects.

        Args:
            read_out: (B, N, Cv, h, w), values read from the memory.
            query_value: (B, Cv, h, w), of the query frame.
            skips: from `encode_skips`.

        Returns:
            float32 (B, N, 16 h, 16 w).
        """
        per_frame = query_value
        if self.context is None:
            # The first convolution of concatenated maps is a sum of two; the frame's term is the same for all objects.
            weight = self.fuse.weight[:, -query_value.shape[1] :]
            per_frame = conv2d(query_value, weight, self.fuse.bias, padding=1)

        def decode(read_out: Tensor) -> Tensor:
            stride_16 = self.block(self._fuse(read_out, per_frame))
            stride_8 = self.refine_8(stride_16, skips[0])
            stride_4 = self.refine_4(stride_8, skips[1])
            both = self.predict(torch.relu(stride_4)).float().unflatten(0, read_out.shape[:2])
            background, foreground = both.unbind(2)
            # Softmax over two channels is a sigmoid of their difference, and interpolation is linear.
            return interpolate(foreground - background, scale_factor=4, mode="bilinear", align_corners=False)

        return each_object(decode, read_out)

    def _fuse(self, read_out: Tensor, per_frame: Tensor) -> Tensor:
        """The first convolution of read-out and query value: (B * N, 256, h, w)."""
        if self.context is not None:
            value = per_frame.unsqueeze(1).expand_as(read_out)
            fused: Tensor = self.fuse(self.context(torch.cat((read_out, value), dim=2).flatten(0, 1)))
            return fused
        weight = self.fuse.weight[:, : read_out.shape[2]]
        per_object: Tensor = conv2d(read_out.flatten(0, 1), weight, padding=1).unflatten(0, read_out.shape[:2])
        fused = (per_object + per_frame.unsqueeze(1)).flatten(0, 1)
        return fused
