"""Objects computed together or one after another."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def each_object(compute: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Computes a function whose result for one object does not depend on the others.

    All objects go together, except on a CPU without gradients: there a single object keeps all cores busy and needs the
    least memory. Batch norms must be in evaluation mode then.

    Args:
        compute: from tensors (B, n, ...) of n objects to one such tensor.
        tensors: each (B, N, ...), for all objects.

    Returns:
        (B, N, ...).
    """
    if torch.is_grad_enabled() or tensors[0].device.type != "cpu" or tensors[0].shape[1] < 2:
        return compute(*tensors)
    parts = zip(*(tensor.split(1, dim=1) for tensor in tensors), strict=True)
    return torch.cat([compute(*part) for part in parts], dim=1)
