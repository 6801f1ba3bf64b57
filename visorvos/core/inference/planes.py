"""Between frames and labels as arrays and planes as tensors: without state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["given_planes", "resize_frame", "resize_labels", "to_frame", "to_tensor"]


def to_tensor(array: NDArray[np.uint8], device: torch.device) -> Tensor:
    """A uint8 array on the device, whatever its memory layout."""
    return torch.from_numpy(array.copy()).to(device)


def to_frame(frame: NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 (H, W, 3) -> float32 (1, 3, H, W) in [0, 1], on the device."""
    return to_tensor(frame, device).permute(2, 0, 1)[None].float() / 255


def resize_frame(image: Tensor, short_side: int) -> Tensor:
    """(1, 3, H, W) brought to a short side in pixels, smoothed where it shrinks; -1 leaves it as it is."""
    height, width = image.shape[-2:]
    if short_side in (-1, min(height, width)):
        return image
    scale = short_side / min(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return interpolate(image, size, mode="bilinear", align_corners=False, antialias=True)


def resize_labels(labels: Tensor, size: Sequence[int]) -> Tensor:
    """uint8 (H, W) labels at another size, nearest."""
    if labels.shape == tuple(size):
        return labels
    resized = interpolate(labels[None, None].float(), tuple(size), mode="nearest-exact")
    return resized[0, 0].to(torch.uint8)


def given_planes(found: Tensor, found_ids: Sequence[int], given: Tensor, object_ids: Sequence[int]) -> Tensor:
    """Planes of all objects of a frame of which a part is known.

    Args:
        found: (1, F, h, w), soft planes of the objects that were sought.
        found_ids: their ids.
        given: uint8 (h, w), known labels; they take their pixels from the objects sought.
        object_ids: the ids of all objects, in order.

    Returns:
        (1, N, h, w): the planes found, outside what is given, and hard planes of the other objects.
    """
    free = given == 0
    planes = [
        found[0, found_ids.index(index)] * free if index in found_ids else (given == index).to(found.dtype)
        for index in object_ids
    ]
    return torch.stack(planes)[None]
