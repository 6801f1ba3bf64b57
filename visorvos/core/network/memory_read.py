"""Reading the memory: attention from the query frame over all remembered positions (Oh et al. 2019, 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

__all__ = ["read_memory"]


def read_memory(query_key: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """What every object's memory holds for each position of the query frame.

    Softmax over all memory positions (T, h, w) of key dot key over sqrt(Ck), then the weighted values.

    Args:
        query_key: (B, Ck, h, w).
        keys: (B, N, Ck, T, h, w).
        values: (B, N, Cv, T, h, w).

    Returns:
        (B, N, Cv, h, w).
    """
    objects = keys.shape[1]
    # Fused attention kernels want channels last.
    query = query_key.flatten(2).mT.contiguous().unsqueeze(1).expand(-1, objects, -1, -1)
    keys, values = _by_position(keys), _by_position(values)
    # Values being wider than keys, a CPU holds all scores at once: hence one object after another there.
    each = 1 if query.device.type == "cpu" else max(objects, 1)
    parts = zip(query.split(each, dim=1), keys.split(each, dim=1), values.split(each, dim=1), strict=True)
    read = torch.cat([scaled_dot_product_attention(*part) for part in parts], dim=1)
    read_out: Tensor = read.mT.unflatten(-1, query_key.shape[-2:])
    return read_out


def _by_position(memory: Tensor) -> Tensor:
    """(B, N, C, T, h, w) as (B, N, T h w, C): a view where the memory already lies so."""
    return memory.permute(0, 1, 3, 4, 5, 2).flatten(2, 4)
