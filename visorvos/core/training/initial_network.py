"""The network that training starts from."""

from __future__ import annotations

import torch

from visorvos.core.network.stm import STM
from visorvos.core.runtime.progress import Progress
from visorvos.core.weights.load import load_weights
from visorvos.errors import VisorVosError
from visorvos.settings.training import TrainingSettings


def initial_network(settings: TrainingSettings, progress: Progress) -> STM:
    """The network of ``--weights``. Without: ImageNet or random encoders, and the rest random by the seed.

    Raises:
        VisorVosError: for weights that cannot be read or have another backbone than ``--backbone``.
    """
    if settings.weights is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            return STM(settings.backbone or "resnet50", settings.pretrained)
    stm = load_weights(settings.weights, progress)
    if settings.backbone not in (None, stm.backbone):
        raise VisorVosError(
            f"--backbone must be {stm.backbone}, that of the weights {settings.weights}, got {settings.backbone}.",
            "Leave --backbone out, or give other weights.",
        )
    return stm
