"""Reading the memory: attention from the query frame to all remembered positions (Oh et al. 2019, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from visorvos.core.network.each_object import each_object


def read_memory(query_key: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Reads each object's memory at each position of the query frame.

    Softmax over all memory positions (T, h, w) of key dot key over sqrt(Ck), then the weighted sum of the values.

    Args:
        query_key: (B, Ck, h, w).
        keys: (B, N, Ck, T, h, w).
        values: (B, N, Cv, T, h, w).

    Returns:
        (B, N, Cv, h, w).
    """
    # Fused attention kernels want channels last, and that of cuDNN fails on a query that `expand` repeats.
    query = query_key.flatten(2).mT.unsqueeze(1).repeat(1, keys.shape[1], 1, 1)

    read = each_object(_attend, query, _by_position(keys), _by_position(values))
    result: Tensor = read.mT.unflatten(-1, query_key.shape[-2:])
    return result


def _by_position(memory: Tensor) -> Tensor:
    """(B, N, C, T, h, w) as (B, N, T h w, C): a view if the channels lie last in memory."""
    return memory.permute(0, 1, 3, 4, 5, 2).flatten(2, 4)


def _attend(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Attention of (B, N, Q, Ck) to keys (B, N, K, Ck) and values (B, N, K, Cv): (B, N, Q, Cv)."""
    if torch.is_grad_enabled() or query.device.type != "cpu":
        return scaled_dot_product_attention(query, keys, values)
    # On a CPU, PyTorch's attention holds the scores of all Q, and computes in float32 more than the scores.
    precise = torch.promote_types(query.dtype, torch.float32)
    with torch.autocast(query.device.type, enabled=False):
        strips = (query.to(precise) / query.shape[-1] ** 0.5).split(1024, dim=-2)
        keys = keys.to(precise).mT
        return torch.cat([torch.softmax(strip @ keys, -1).to(values.dtype) @ values for strip in strips], dim=-2)
