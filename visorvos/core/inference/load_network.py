"""A checkpoint made ready to segment."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from visorvos.core.network.for_inference import for_inference
from visorvos.core.network.stm import STM
from visorvos.core.runtime.device import choose_device, choose_precision
from visorvos.core.runtime.freed_memory import keep_freed_memory
from visorvos.core.runtime.run_state import checksum
from visorvos.core.weights.checkpoints import read_checkpoint
from visorvos.settings.evaluate import EvaluateSettings
from visorvos.settings.predict import PredictSettings

__all__ = ["Network", "load_network"]


@dataclass(frozen=True)
class Network:
    """What segments."""

    stm: STM
    device: torch.device
    precision: torch.dtype
    hashing: Future[str]

    @property
    def sha256(self) -> str:
        """Of the weights' file; it is waited for."""
        return self.hashing.result()


def load_network(settings: PredictSettings | EvaluateSettings, weights: Path) -> Network:
    """The network of a file of weights, on the settings' device and in their precision.

    Raises:
        VisorVosError: for weights that cannot be used, or a device that is not there.
    """
    keep_freed_memory()
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    stm = for_inference(read_checkpoint(weights), device, precision)
    # Needed when a record is written, and as long to make as the weights take to read.
    beside = ThreadPoolExecutor(1, "checksum")
    sha256 = beside.submit(checksum, weights)
    beside.shutdown(wait=False)
    return Network(stm, device, precision, sha256)
