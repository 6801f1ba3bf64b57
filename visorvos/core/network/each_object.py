"""How many objects are computed at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["each_object"]


def each_object(compute: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Computes what no object's part depends on another's for.

    All objects at once; but on a CPU, where no gradient is asked for, one after another: a single object keeps all
    cores busy, and no more than its own maps are held. Batch norms are to be in evaluation mode then.

    Args:
        compute: takes tensors (B, n, ...) of some of the objects, and gives one.
        tensors: of all objects, each (B, N, ...).

    Returns:
        (B, N, ...).
    """
    if torch.is_grad_enabled() or tensors[0].device.type != "cpu" or tensors[0].shape[1] < 2:
        return compute(*tensors)
    parts = zip(*(tensor.split(1, dim=1) for tensor in tensors), strict=True)
    return torch.cat([compute(*part) for part in parts], dim=1)
