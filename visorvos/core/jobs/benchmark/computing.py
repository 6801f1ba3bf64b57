"""What the forms that compute with torch have in common."""

from __future__ import annotations

import torch

from visorvos.core.network.stm import STM

__all__ = ["prepare_torch", "random_network", "wait_for"]


def prepare_torch(device: str, precision: str) -> tuple[torch.device, torch.dtype]:
    """Device and precision by name, and numbers that are the same each time."""
    torch.manual_seed(0)
    return torch.device(device), getattr(torch, precision)


def random_network(backbone: str) -> STM:
    """An untrained network: speed does not depend on the weights."""
    torch.manual_seed(0)
    return STM(backbone, pretrained=False).eval()


def wait_for(device: torch.device) -> None:
    """Until all that was begun on a device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
