"""Prepares a network for inference: the same results, faster, without training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from visorvos.core.network.stm import STM
from visorvos.core.network.winograd import WinogradConv

_LARGE = 256 * 256
"""Minimum input times output channels for which Winograd's algorithm is faster."""


def for_inference(stm: STM, device: torch.device, precision: torch.dtype) -> STM:
    """Optimizes a network for inference on a device.

    Batch norms of the residual blocks are folded into the convolutions before them, in float32; tensors have channels
    last; in float32 on a CPU, large 3x3 convolutions after the encoders use Winograd's algorithm. In float32 on a CUDA
    device, convolutions of this process no longer round their inputs to TF32, as PyTorch lets them by default: masks
    then agree with those of a CPU.

    Args:
        stm: the network, float32; it is changed in place.
        device: the device to compute on.
        precision: dtype of the weights.

    Returns:
        The network in evaluation mode. It cannot be saved: its weights have other names and values.
    """
    stm = stm.eval().requires_grad_(False)
    for encoder in (stm.memory_encoder, stm.query_encoder):
        for part in encoder.modules():
            _fold_batch_norms(part)
    if device.type == "cuda" and precision == torch.float32:
        torch.backends.cudnn.allow_tf32 = False
    if device.type == "cpu" and precision == torch.float32:
        after_encoders = nn.ModuleList((stm.memory_projection, stm.query_projection, stm.decoder))
        for part in list(after_encoders.modules()):
            for name, child in part.named_children():
                # The decoder splits the weights of its first convolution between two inputs.
                if part is not stm.decoder and isinstance(child, nn.Conv2d) and _gains(child):
                    setattr(part, name, WinogradConv(child))
    return stm.to(device=device, dtype=precision).to(memory_format=torch.channels_last)


def _fold_batch_norms(part: nn.Module) -> None:
    """Folds bn1 into conv1 and so on; in a sequence, each batch norm into the convolution right before it."""
    children = dict(part.named_children())
    if isinstance(part, nn.Sequential):
        pairs = list(zip(children, list(children)[1:], strict=False))
    else:
        pairs = [(name, name.replace("conv", "bn")) for name in children if name.startswith("conv")]
    for first, second in pairs:
        conv, norm = children[first], children.get(second)
        if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d:
            setattr(part, first, fuse_conv_bn_eval(conv, norm))
            setattr(part, second, nn.Identity())


def _gains(conv: nn.Conv2d) -> bool:
    """Whether Winograd's algorithm applies and is faster."""
    form = (*conv.kernel_size, *conv.stride, *conv.padding, *conv.dilation, conv.groups)
    is_large = conv.in_channels * conv.out_channels >= _LARGE
    return is_large and form == (3, 3, 1, 1, 1, 1, 1, 1, 1) and conv.bias is not None
