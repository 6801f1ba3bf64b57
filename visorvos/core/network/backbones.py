"""The table of backbones. To add one, add an entry: options, weights and the network follow from it.

Nothing here imports torch: the settings take the names from this table, and ``--help`` must stay fast.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal


@dataclass(frozen=True)
class Backbone:
    """A ResNet, and the channels of the network that is built on it."""

    blocks: tuple[int, int, int, int]
    """Residual blocks in each stage; the encoders use the first three stages."""
    bottleneck: bool
    """Blocks of three convolutions (1x1, 3x3, 1x1); False: of two (3x3, 3x3)."""
    features: tuple[int, int, int]
    """Channels of the feature maps at strides 16, 8 and 4."""
    key: int
    value: int
    timm: str | None = None
    """Name of the model in timm; None: torchvision publishes its ImageNet weights under the backbone's name."""
    context: bool = False
    """Dilated convolutions widen the receptive field of the memory read-out (ResNeSt only)."""


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone((3, 4, 6, 3), True, (1024, 512, 256), key=128, value=512),
    "resnet18": Backbone((2, 2, 2, 2), False, (256, 128, 64), key=32, value=128),
    "resnest101": Backbone((3, 4, 23, 3), True, (1024, 512, 256), 128, 512, timm="resnest101e", context=True),
}

if TYPE_CHECKING:
    BackboneName = str
else:
    BackboneName = Literal[tuple(BACKBONES)]
    """The type of an option that takes a backbone."""


def find_backbone(names: Collection[str]) -> str | None:
    """Finds the backbone of a checkpoint by its encoder's residual blocks.

    Args:
        names: keys of the state dictionary, as `STM.state_dict` names them.

    Returns:
        A name from `BACKBONES`, or None if no entry has these blocks.
    """
    stages = ("stage_4", "stage_8", "stage_16")
    blocks = [{name.split(".")[2] for name in names if name.startswith(f"query_encoder.{stage}.")} for stage in stages]
    bottleneck = any(name.startswith("query_encoder.") and ".conv3." in name for name in names)
    context = any(name.startswith("decoder.context.") for name in names)
    for name, backbone in BACKBONES.items():
        if (*map(len, blocks), bottleneck, context) == (*backbone.blocks[:3], backbone.bottleneck, backbone.context):
            return name
    return None
