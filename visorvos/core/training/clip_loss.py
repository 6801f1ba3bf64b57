"""The loss of a three-frame clip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot, pad

from visorvos.core.network.aggregation import FLOOR

if TYPE_CHECKING:
    from visorvos.core.network.stm import STM


def clip_loss(stm: STM, frames: Tensor, labels: Tensor, detach: bool = True, channels: int = 16) -> Tensor:
    """Cross-entropy of the second and third frame of each clip, given the first frame's labels.

    Memorizes frame 1 with its ground-truth mask, segments 2, memorizes 2 with its soft prediction, and segments 3
    from both (Oh et al. 2019, section 3.5; Darkhalil et al. 2022, appendix).

    Args:
        stm: the network. The caller decides whether its batch norms are frozen.
        frames: (B, 3, 3, H, W) as clip, time, channel; RGB, uint8 or float in [0, 1].
        labels: integer (B, 3, H, W): 0 is the background, 1..N the objects that the first frame shows.
            Clips of a batch may have different numbers of objects; a clip without any trains one empty object.
        detach: whether the soft prediction of frame 2 is cut from the graph (stage 2) or not (stage 1).
        channels: channels of the cross-entropy, background included; those without an object stand at the
            aggregation's floor. More objects than that widen it.

    Returns:
        float32 (2,): the losses of the second and the third frame, each the mean over pixels and clips.
    """
    if not frames.is_floating_point():
        frames = frames.float() / 255
    labels = labels.long()
    counts = labels[:, 0].amax(dim=(1, 2)).clamp(min=1)
    objects = int(counts.max())
    present = torch.arange(1, objects + 1, device=labels.device) <= counts[:, None]
    width = max(channels, objects + 1)
    floor = math.log(FLOOR / (1 - FLOOR))

    def segment(index: int, keys: list[Tensor], values: list[Tensor]) -> Tensor:
        logits = stm.segment(frames[:, index], torch.stack(keys, dim=3), torch.stack(values, dim=3), present)
        return pad(logits, (0, 0, 0, 0, 0, width - logits.shape[1]), value=floor)

    ground_truth = one_hot(labels[:, 0], objects + 1)[..., 1:].permute(0, 3, 1, 2).to(frames.dtype)
    first_key, first_value = stm.memorize(frames[:, 0], ground_truth)
    second = segment(1, [first_key], [first_value])

    soft = torch.softmax(second, dim=1)[:, 1 : objects + 1]
    second_key, second_value = stm.memorize(frames[:, 1], soft.detach() if detach else soft)
    third = segment(2, [first_key, second_key], [first_value, second_value])

    return torch.stack((cross_entropy(second, labels[:, 1]), cross_entropy(third, labels[:, 2])))
