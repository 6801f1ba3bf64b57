"""One video, plainly: frame after frame, the memory copied to a larger one for each frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.plain.network import SLOTS, memorize, segment
from visorvos.core.network.stm import STM

__all__ = ["Frames", "segment_plainly"]


class Frames(Protocol):
    """Frames by number: uint8 (H, W, 3) RGB each."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int) -> NDArray[np.uint8]: ...


def segment_plainly(stm: STM, frames: Frames, first_mask: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Masks under the VISOR protocol, as `segment_video` with ``memory="visor"`` gives them.

    Args:
        stm: the network, in evaluation mode, float32.
        frames: of one size.
        first_mask: uint8 (H, W), ids 1..N.
    """
    device = next(stm.parameters()).device
    objects = int(first_mask.max())
    kept = {0, round(len(frames) / 3), round(2 * len(frames) / 3)}
    labels = torch.from_numpy(first_mask.astype(np.int64)).to(device)
    soft = torch.nn.functional.one_hot(labels, SLOTS).permute(2, 0, 1)[None].float()
    keys: Tensor | None = None
    values: Tensor | None = None
    before = _image(frames[0], device)
    yield first_mask
    for number in range(1, len(frames)):
        with torch.no_grad():
            key, value = memorize(stm, before, soft[:, 1 : objects + 1])
            all_keys = key if keys is None else torch.cat((keys, key), dim=3)
            all_values = value if values is None else torch.cat((values, value), dim=3)
            if number - 1 in kept:
                keys, values = all_keys, all_values
            image = _image(frames[number], device)
            soft = torch.softmax(segment(stm, image, all_keys, all_values, objects), dim=1)
            before = image
            found = soft[0].argmax(dim=0).to(torch.uint8).cpu().numpy()
        yield found


def _image(frame: NDArray[np.uint8], device: torch.device) -> Tensor:
    return torch.from_numpy(frame.copy()).to(device).permute(2, 0, 1)[None].float() / 255
