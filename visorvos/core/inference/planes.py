"""Conversion between frames and masks as arrays and planes as tensors; stateless."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate


def mask_tensor(mask: NDArray[np.uint8], device: torch.device) -> Tensor:
    """A uint8 array of any memory layout, copied to the device."""
    return torch.from_numpy(mask.copy()).to(device)


def frame_tensor(frame: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [0, 1], on the device."""
    return mask_tensor(frame, device).permute(2, 0, 1)[None].float() / 255


def resize_frame(image: Tensor, short_side: int) -> Tensor:
    """Resizes (1, 3, H, W) to a short side in pixels."""
    height, width = image.shape[-2:]
    scale = short_side / min(height, width)
    return resize_planes(image, (max(1, round(height * scale)), max(1, round(width * scale))))


def resize_planes(planes: Tensor, size: Sequence[int]) -> Tensor:
    """Resizes (1, N, H, W) to a height and width (bilinear, antialiased)."""
    if planes.shape[-2:] == tuple(size) or not planes.shape[1]:
        return planes
    return interpolate(planes, tuple(size), mode="bilinear", align_corners=False, antialias=True)


def resize_mask(mask: Tensor, size: Sequence[int]) -> Tensor:
    """Resizes uint8 (H, W) labels (nearest).

    An object that loses more than half of its share of the pixels, such as a thin or tiny one, is drawn again where
    area resampling finds most of it: no object that a mask shows vanishes.
    """
    if mask.shape == tuple(size):
        return mask
    resized = interpolate(mask[None, None].float(), tuple(size), mode="nearest-exact")[0, 0].to(torch.uint8)
    before, after = (torch.bincount(labels.flatten(), minlength=256).tolist() for labels in (mask, resized))
    scale = resized.numel() / mask.numel()
    # The smallest last, so that it is not painted over.
    for object_id in sorted(range(1, 256), key=lambda index: -before[index]):
        share = before[object_id] * scale
        if after[object_id] < share / 2:
            covered = interpolate((mask == object_id)[None, None].float(), tuple(size), mode="area")[0, 0]
            resized.view(-1)[covered.flatten().topk(math.ceil(share)).indices] = object_id
    return resized


def known_planes(found: Tensor, found_ids: Sequence[int], mask: Tensor, object_ids: Sequence[int]) -> Tensor:
    """Planes of all objects of a frame for which a mask is given.

    Args:
        found: (1, F, h, w), soft planes of the objects that were searched for.
        found_ids: their ids.
        mask: uint8 (h, w), the given labels; searched objects get none of its pixels.
        object_ids: the ids of all objects, in order.

    Returns:
        (1, N, h, w): soft planes of the objects searched for, hard planes of the others.
    """
    free = mask == 0
    planes = [
        found[0, found_ids.index(object_id)] * free if object_id in found_ids else (mask == object_id).to(found.dtype)
        for object_id in object_ids
    ]
    return torch.stack(planes)[None]
