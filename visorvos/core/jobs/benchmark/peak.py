"""What the machine can do at its best: a large convolution and a large matrix product."""

from __future__ import annotations

from collections.abc import Callable

import torch

from visorvos.core.jobs.benchmark.computing import prepare_torch, wait_for

__all__ = ["large_convolution", "large_product", "peak_work"]


def large_convolution(device: str, precision: str, quick: bool) -> Callable[[], None]:
    """Convolves with 3x3 kernels, 256 channels to 256."""
    where, kind = prepare_torch(device, precision)
    clips, height, width = _convolution(where, quick)
    layer = torch.nn.Conv2d(256, 256, 3, padding=1, device=where, dtype=kind).to(memory_format=torch.channels_last)
    maps = torch.randn(clips, 256, height, width, device=where, dtype=kind).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def work() -> None:
        for _ in range(_TIMES):
            layer(maps)
        wait_for(where)

    return work


def large_product(device: str, precision: str, quick: bool) -> Callable[[], None]:
    """Multiplies two square matrices."""
    where, kind = prepare_torch(device, precision)
    side = _side(where, quick)
    left, right = (torch.randn(side, side, device=where, dtype=kind) for _ in range(2))

    @torch.inference_mode()
    def work() -> None:
        for _ in range(_TIMES):
            left @ right
        wait_for(where)

    return work


def peak_work(device: torch.device, quick: bool) -> tuple[int, int]:
    """Multiply-adds of one turn of each of the two."""
    clips, height, width = _convolution(device, quick)
    return _TIMES * clips * height * width * 9 * 256**2, _TIMES * _side(device, quick) ** 3


_TIMES = 3


def _convolution(device: torch.device, quick: bool) -> tuple[int, int, int]:
    return (1, 16, 16) if quick else (16 if device.type == "cuda" else 1, 120, 216)


def _side(device: torch.device, quick: bool) -> int:
    return 128 if quick else 8192 if device.type == "cuda" else 2048
