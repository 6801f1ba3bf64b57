"""From the probability of each object by itself to logits over the background and all objects."""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 1e-7
"""Minimum distance of probabilities from 0 and 1; in half precision 1 - 1e-7 is 1, hence float32."""


def aggregate(probabilities: Tensor, present: Tensor | None = None) -> Tensor:
    """Soft aggregation (Oh et al. 2019, section 3.4): logits of the background and of each object.

    The background is the product of (1 - p) over the objects. An object that is not present does not lower the
    background, and has the lowest logit.

    Args:
        probabilities: (B, N, H, W), each object's by itself, any float precision.
        present: (B, N) bool, which objects a clip has; None: all.

    Returns:
        float32 (B, N + 1, H, W), background first.
    """
    with torch.autocast(probabilities.device.type, enabled=False):
        objects = probabilities.float()
        if present is not None:
            objects = objects * present[:, :, None, None]
        background = torch.prod(1 - objects, dim=1, keepdim=True)
        return torch.logit(torch.cat((background, objects), dim=1), eps=FLOOR)
