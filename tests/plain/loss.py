"""The loss of a clip, plainly: one clip, 16 channels, each object alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from tests.plain.network import SLOTS, memorize, segment
from visorvos.core.network.stm import STM

__all__ = ["plain_clip_loss"]


def plain_clip_loss(stm: STM, frames: Tensor, labels: Tensor) -> Tensor:
    """The losses (2,) of the second and third frame, as `clip_loss` gives them for one clip and with ``detach``.

    Args:
        stm: the network, float32.
        frames: uint8 (1, 3, 3, H, W) as clip, time, channel.
        labels: (1, 3, H, W) ids 0..N, N from 1 to 15.
    """
    images = frames.float() / 255
    truth = labels.long()
    objects = int(truth[:, 0].max())
    hard = one_hot(truth[:, 0], SLOTS).permute(0, 3, 1, 2).float()
    first_key, first_value = memorize(stm, images[:, 0], hard[:, 1 : objects + 1])
    second = segment(stm, images[:, 1], first_key, first_value, objects)
    soft = torch.softmax(second, dim=1).detach()
    second_key, second_value = memorize(stm, images[:, 1], soft[:, 1 : objects + 1])
    keys = torch.cat((first_key, second_key), dim=3)
    values = torch.cat((first_value, second_value), dim=3)
    third = segment(stm, images[:, 2], keys, values, objects)
    return torch.stack((cross_entropy(second, truth[:, 1]), cross_entropy(third, truth[:, 2])))
