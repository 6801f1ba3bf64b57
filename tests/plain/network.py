"""The network, plainly: each object passes through all of it alone, and memory has 15 slots, used or not.

With the weights of an `STM`, but none of the code that shares work between objects.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d, pad

from visorvos.core.network.decoder import Refinement
from visorvos.core.network.encoders import MemoryEncoder, QueryEncoder
from visorvos.core.network.stm import STM

__all__ = ["SLOTS", "memorize", "segment"]

SLOTS = 16
"""Slots of the reference's memory: the background and 15 objects, used or not."""


def memorize(stm: STM, frame: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values of a frame, in all slots.

    Args:
        stm: the network whose weights are used.
        frame: (1, 3, H, W), RGB in [0, 1].
        masks: (1, N, H, W) in [0, 1], N at most 15.

    Returns:
        keys (1, 16, Ck, 1, h, w) and values (1, 16, Cv, 1, h, w): those of the background and of unused slots are 0.
    """
    objects = masks.shape[1]
    encoder = stm.memory_encoder
    frames = _padded(frame).expand(objects, -1, -1, -1)
    own = _padded(masks)[0].unsqueeze(1)
    others = torch.stack(
        [own[[other for other in range(objects) if other != index]].sum(dim=0) for index in range(objects)]
    ).clamp(0, 1)
    stem = encoder.stem(_normalized(frames)) + encoder.stem_mask(own) + encoder.stem_others(others)
    feature = _stages(encoder, stem)[0]
    keys, values = stm.memory_projection.key(feature), stm.memory_projection.value(feature)
    return _in_slots(keys), _in_slots(values)


def segment(stm: STM, frame: Tensor, keys: Tensor, values: Tensor, objects: int) -> Tensor:
    """Logits (1, 16, H, W) of background and objects; unused slots have those of probability 0.

    Args:
        stm: the network whose weights are used.
        frame: (1, 3, H, W), RGB in [0, 1].
        keys: (1, 16, Ck, T, h, w).
        values: (1, 16, Cv, T, h, w).
        objects: number of used slots after the background's.
    """
    encoder = stm.query_encoder
    stride_16, stride_8, stride_4 = _stages(encoder, encoder.stem(_normalized(_padded(frame))))
    key, value = stm.query_projection.key(stride_16), stm.query_projection.value(stride_16)

    read = _read_out(key.expand(objects, -1, -1, -1), keys[0, 1 : objects + 1], values[0, 1 : objects + 1])
    x = torch.cat((read, value.expand(objects, -1, -1, -1)), dim=1)
    decoder = stm.decoder
    x = decoder.block(decoder.fuse(x if decoder.context is None else decoder.context(x)))
    x = _refined(decoder.refine_8, x, stride_8.expand(objects, -1, -1, -1))
    x = _refined(decoder.refine_4, x, stride_4.expand(objects, -1, -1, -1))
    two = interpolate(decoder.predict(torch.relu(x)), scale_factor=4, mode="bilinear", align_corners=False)
    foreground = torch.softmax(two, dim=1)[:, 1]

    height, width = frame.shape[-2:]
    top, left = (foreground.shape[-2] - height) // 2, (foreground.shape[-1] - width) // 2
    foreground = foreground[:, top : top + height, left : left + width]
    together = foreground.new_zeros((1, SLOTS, height, width))
    together[0, 0] = torch.prod(1 - foreground, dim=0)
    together[0, 1 : objects + 1] = foreground
    together = together.clamp(1e-7, 1 - 1e-7)
    return torch.log(together / (1 - together))


def _normalized(frames: Tensor) -> Tensor:
    mean = frames.new_tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
    std = frames.new_tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)
    return (frames - mean) / std


def _stages(encoder: MemoryEncoder | QueryEncoder, stem: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Features at the strides 16, 8 and 4."""
    stride_4 = encoder.stage_4(max_pool2d(torch.relu(encoder.norm(stem)), 3, stride=2, padding=1))
    stride_8 = encoder.stage_8(stride_4)
    return encoder.stage_16(stride_8), stride_8, stride_4


def _read_out(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """(N, Ck, h, w), (N, Ck, T, h, w), (N, Cv, T, h, w) -> (N, Cv, h, w)."""
    scores = keys.flatten(2).mT @ query.flatten(2) / math.sqrt(query.shape[1])
    read: Tensor = (values.flatten(2) @ torch.softmax(scores, dim=1)).unflatten(2, query.shape[-2:])
    return read


def _refined(refine: Refinement, coarse: Tensor, feature: Tensor) -> Tensor:
    skip = refine.skip_block(refine.skip(feature))
    refined: Tensor = refine.block(skip + interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False))
    return refined


def _in_slots(items: Tensor) -> Tensor:
    """(N, C, h, w) -> (1, 16, C, 1, h, w)."""
    slots = items.new_zeros((1, SLOTS, items.shape[1], 1, *items.shape[2:]))
    slots[0, 1 : len(items) + 1, :, 0] = items
    return slots


def _padded(planes: Tensor) -> Tensor:
    height, width = planes.shape[-2:]
    above, before = -height % 16 // 2, -width % 16 // 2
    return pad(planes, (before, -width % 16 - before, above, -height % 16 - above))
