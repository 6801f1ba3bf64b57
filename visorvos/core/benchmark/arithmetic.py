"""The multiply-adds that must be done, each thing once: those of convolutions and of reading the memory."""

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode

from visorvos.core.inference.policy import VisorFrames
from visorvos.core.network.backbones import BACKBONES
from visorvos.core.network.stm import STM

__all__ = ["clip_work", "video_work"]


def video_work(backbone: str, height: int, width: int, objects: int, frames: int) -> int:
    """Multiply-adds of a video under the VISOR protocol, the first frame given.

    Args:
        backbone: one of `BACKBONES`.
        height, width: of a frame, in pixels.
        objects: how many, all there from the first frame on.
        frames: how many, the first included.
    """
    policy = VisorFrames(frames)
    due = [number for number in range(frames) if policy.is_due(number, given=False)]
    remembered = [len({*(kept for kept in due if kept < number), number - 1}) for number in range(1, frames)]
    each = _step(backbone, height, width, objects)
    return (frames - 1) * each + sum(remembered) * _read(backbone, height, width, objects)


def clip_work(backbone: str, side: int, objects: int) -> int:
    """Multiply-adds of a training clip of three frames: forward, and twice as many backward."""
    return 3 * video_work(backbone, side, side, objects, 3)


def _step(backbone: str, height: int, width: int, objects: int) -> int:
    """Of one frame, remembered and then the next one segmented; without the read."""
    with torch.device("meta"):
        stm = STM(backbone, pretrained=False).eval().to("meta")
        frame, masks = torch.empty(1, 3, height, width), torch.empty(1, objects, height, width)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        _, values = stm.memorize(frame, masks)
        query = stm.encode_query(frame)
        stm.decoder(values, query.value, query.skips)
    return int(counter.get_total_flops()) // 2


def _read(backbone: str, height: int, width: int, objects: int) -> int:
    """Of reading one remembered frame: a product with the keys, and one with the values, for each object."""
    widths = BACKBONES[backbone]
    positions = -(-height // 16) * -(-width // 16)
    return objects * positions**2 * (widths.key + widths.value)
