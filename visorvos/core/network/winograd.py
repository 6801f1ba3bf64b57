"""3x3 convolutions with a quarter of the multiplications, in float32 on a CPU.

Winograd's algorithm F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016,
https://arxiv.org/abs/1509.09308, section 4.3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

_OUT, _IN = 4, 6
"""Side of an output tile, and of the input tile that it depends on."""
_STRIP = 10
"""Rows of tiles computed at once: intermediate results stay in the processor's cache, and each step has enough work
for several threads."""

_FILTER = ((6, 0, 0), (-4, -4, -4), (-4, 4, -4), (1, 2, 4), (1, -2, 4), (0, 0, 24))
"""The filter transform, times 24."""
_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
_BIASED = _IN + 1
"""The product that counts once in each output pixel, to which the bias is added."""


class WinogradConv(nn.Module):
    """A convolution with 3x3 kernels, stride 1 and padding 1; rounding differs a little.

    Args:
        conv: the convolution to replace, float32 and with a bias.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.bias is not None
        matrix = torch.tensor(_FILTER) / 24
        kernels = torch.kron(matrix, matrix) @ conv.weight.detach().flatten(2).flatten(0, 1).T
        self.register_buffer("kernels", kernels.unflatten(1, conv.weight.shape[:2]))  # (36, outputs, inputs)
        self.register_buffer("bias", conv.bias.detach().clone())
        for name, one_axis in (("to_tiles", _INPUT), ("from_tiles", _OUTPUT)):
            self.register_buffer(name, torch.kron(torch.tensor(one_axis), torch.tensor(one_axis)).float())

    kernels: Tensor
    bias: Tensor
    to_tiles: Tensor
    from_tiles: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W), channels last in memory."""
        height, width = x.shape[-2:]
        down, across = -(-height // _OUT), -(-width // _OUT)
        x = pad(x.permute(0, 2, 3, 1), (0, 0, 1, _OUT * across - width + 1, 1, _OUT * down - height + 1))
        y = x.new_empty((len(x), down, _OUT, across, _OUT, len(self.bias)))
        for image, output in zip(x, y, strict=True):
            # (down, across, channels, 6, 6): tiles overlap by two pixels.
            tiles = image.unfold(0, _IN, _OUT).unfold(1, _IN, _OUT)
            for first in range(0, down, _STRIP):
                part = tiles[first : first + _STRIP].permute(3, 4, 0, 1, 2)
                changed = (self.to_tiles @ part.reshape(_IN**2, -1)).view(_IN**2, -1, x.shape[-1])
                multiplied = torch.bmm(changed, self.kernels.mT)
                multiplied[_BIASED] += self.bias
                found = (self.from_tiles @ multiplied.flatten(1)).view(_OUT, _OUT, *part.shape[2:4], -1)
                output[first : first + _STRIP] = found.permute(2, 0, 3, 1, 4)
        return y.flatten(3, 4).flatten(1, 2)[:, :height, :width].permute(0, 3, 1, 2)
