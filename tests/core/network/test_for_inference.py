from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from visorvos import STM
from visorvos.core.network.for_inference import for_inference
from visorvos.core.network.winograd import WinogradConv

CPU = torch.device("cpu")


def logits(stm: STM, seed: int) -> torch.Tensor:
    """Remembers a frame with two objects, and returns the logits of the next frame."""
    random = torch.Generator().manual_seed(seed)
    kind = next(stm.parameters()).dtype
    frames = torch.rand(2, 3, 50, 70, generator=random).to(torch.float64 if kind == torch.float64 else torch.float32)
    masks = torch.softmax(3 * torch.randn(1, 3, 50, 70, generator=random), dim=1)[:, 1:].to(frames.dtype)
    with torch.inference_mode():
        keys, values = stm.memorize(frames[:1], masks)
        return stm.segment(frames[1:], keys.unsqueeze(3), values.unsqueeze(3))


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 2),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 6),
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_winograd_equals_the_convolution(
    batch: int, inputs: int, outputs: int, height: int, width: int, seed: int
) -> None:
    torch.manual_seed(seed)
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    x = torch.randn(batch, inputs, height, width)
    with torch.inference_mode():
        found, exact = WinogradConv(conv)(x), copy.deepcopy(conv).double()(x.double())
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=3e-5)


def test_results_are_the_same(golden_stm: STM) -> None:
    fast = for_inference(copy.deepcopy(golden_stm), CPU, torch.float32)
    assert any(isinstance(part, WinogradConv) for part in fast.modules())
    # One batch norm remains in each encoder, after the sum of convolutions.
    assert sum(isinstance(part, nn.BatchNorm2d) for part in fast.modules()) == 2
    expected = logits(golden_stm, 0)
    found = logits(fast, 0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
    # Rounding differs but is not worse than the tolerance against float64 either.
    exact = logits(copy.deepcopy(golden_stm).double(), 0)
    torch.testing.assert_close(found.double(), exact.double(), rtol=0, atol=1e-4)


def test_half_precision_does_not_use_winograd(small_stm: STM) -> None:
    fast = for_inference(copy.deepcopy(small_stm), CPU, torch.bfloat16)
    assert not any(isinstance(part, WinogradConv) for part in fast.modules())
    assert {parameter.dtype for parameter in fast.parameters()} == {torch.bfloat16}
    torch.testing.assert_close(logits(fast, 1), logits(small_stm, 1), rtol=0.1, atol=0.1)


def test_results_are_the_same_for_resnest() -> None:
    pytest.importorskip("timm", reason="the extra resnest is not installed")
    torch.manual_seed(0)
    stm = STM("resnest101", pretrained=False).eval()
    for part in stm.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.weight, 0.5, 1)
    expected = logits(stm, 2)
    fast = for_inference(stm, CPU, torch.float32)
    torch.testing.assert_close(logits(fast, 2), expected, rtol=1e-3, atol=1e-3)
