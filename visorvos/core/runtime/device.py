"""Where and in which precision to compute."""

from __future__ import annotations

from typing import Literal

import torch

from visorvos.errors import VisorVosError, counted


def choose_device(name: str) -> torch.device:
    """The device of a name: auto (a GPU if there is one), cpu, cuda, cuda:N or mps.

    Raises:
        VisorVosError: for a device that this machine lacks.
    """
    gpus = torch.cuda.device_count()
    available = {"cuda": gpus > 0, "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(device for device, is_there in available.items() if is_there))
    kind, _, number = name.partition(":")
    if not available[kind]:
        raise VisorVosError(
            f"Device not found: {name}. PyTorch sees no {kind} device on this machine.",
            'Use --device cpu, or check the driver and: python -c "import torch; print(torch.version.cuda)"',
        )
    if number and int(number) >= gpus:
        raise VisorVosError(
            f"Device not found: {name}. This machine has {counted(gpus, 'CUDA device')}.",
            f"Use --device cuda:{gpus - 1} or a smaller number.",
        )
    return torch.device(name)


def choose_precision(
    name: Literal["auto", "float32", "bfloat16"], device: torch.device, cpu_too: bool = False
) -> torch.dtype:
    """The precision of a name; "auto" is bfloat16 on a device that computes in it, else float32.

    Args:
        name: the option.
        device: where to compute.
        cpu_too: whether "auto" chooses bfloat16 on a CPU, too, if it has AMX or AVX512-BF16.
    """
    if name == "bfloat16":
        return torch.bfloat16
    if name == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    if name == "auto" and device.type == "cpu" and cpu_too:
        # Older versions of PyTorch do not say what the processor has.
        has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return torch.bfloat16 if has.get("amx_bf16") or has.get("avx512_bf16") else torch.float32
    return torch.float32


def describe_device(device: torch.device) -> str:
    """A device as a record of a run names it."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} (CUDA {torch.version.cuda})"
    threads = torch.get_num_threads()
    return f"CPU, {counted(threads, 'thread')}" if device.type == "cpu" else device.type
