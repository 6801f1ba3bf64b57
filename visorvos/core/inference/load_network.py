"""Loading a checkpoint to segment with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from visorvos.core.network.for_inference import for_inference
from visorvos.core.network.stm import STM
from visorvos.core.runtime.device import choose_device, choose_precision
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.run_state import checksum
from visorvos.core.weights.checkpoints import read_checkpoint
from visorvos.settings.annotate import AnnotateSettings
from visorvos.settings.predict import PredictSettings
from visorvos.settings.segmentation import SegmentationSettings


@dataclass(frozen=True)
class Network:
    """A network ready to segment, and what it computes on."""

    stm: STM
    device: torch.device
    precision: torch.dtype
    sha256: str
    """Checksum of the weights' file."""


def load_network(settings: SegmentationSettings | AnnotateSettings, weights: Path) -> Network:
    """Loads a file of weights on the device and in the precision of the settings.

    Raises:
        VisorVosError: for weights that cannot be used, or a device that is not available.
    """
    keep_freed_memory()
    device = choose_device(settings.device)
    # Scores do not depend on the processor, and annotate starts at once; see `choose_precision`.
    precision = choose_precision(settings.precision, device, isinstance(settings, PredictSettings))
    stm = for_inference(read_checkpoint(weights), device, precision)
    return Network(stm, device, precision, checksum(weights))
