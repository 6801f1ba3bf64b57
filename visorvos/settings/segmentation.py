"""Options that ``evaluate`` and ``predict`` share."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field

from visorvos.core.inference.policy import POLICIES, MemoryName
from visorvos.settings.base import Device, Precision, Settings, ShortSide, option, split_at_commas

_memory = partial(option, panel="Memory")
Memory = Annotated[
    MemoryName,
    _memory(
        ...,
        "Frames to keep in memory besides the previous one: "
        f"{', or '.join(description for description, _ in POLICIES.values())}.",
    ),
]


class SegmentationSettings(Settings):
    """How videos are segmented."""

    memory: Memory = "every"
    mem_every: int = _memory(5, "Keep one frame in K, with --memory every.", alias="every", ge=1)
    limit: int = _memory(
        8,
        "Maximum number of frames to keep, with --memory every; up to 16 frames with a given mask do not count.",
        ge=1,
    )
    size: ShortSide = 480
    flip: bool = _memory(
        False,
        "Segment each frame mirrored as well, with a memory of its own, and average the logits; takes twice the "
        "time and memory.",
    )
    scales: Annotated[tuple[Annotated[float, Field(gt=0, le=8)], ...], BeforeValidator(split_at_commas)] = _memory(
        (1.0,),
        "Multiple of --size at which to segment. Several, such as 1.0,1.15,1.3, have a memory each; their logits are "
        "averaged.",
        min_length=1,
    )
    device: Device = "auto"
    precision: Precision = "auto"
