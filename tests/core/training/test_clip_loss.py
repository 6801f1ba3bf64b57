from __future__ import annotations

import numpy as np
import torch

from tests.builders import golden
from visorvos import STM, clip_loss
from visorvos.core.network.reference_names import from_reference


def test_losses_and_gradient_norms_are_the_references(golden_stm: STM) -> None:
    recorded = golden(f"training_{golden_stm.backbone}")
    frames = torch.from_numpy(recorded["frames"]).permute(0, 3, 1, 2)[None]
    golden_stm.zero_grad()
    losses = clip_loss(golden_stm, frames, torch.from_numpy(recorded["labels"])[None])
    losses.sum().backward()
    expected = [recorded["loss_second"], recorded["loss_third"]]
    np.testing.assert_allclose(losses.detach(), expected, rtol=1e-4)
    parameters = dict(golden_stm.named_parameters())
    names = [from_reference(name) for name in recorded["parameters"]]
    norms = [parameters[name].grad.norm().item() for name in names]
    # A bias of the memory's keys shifts all scores of a query alike: its gradient is nought but rounding.
    np.testing.assert_allclose(norms, recorded["grad_norms"], rtol=1e-3, atol=1e-7)
    assert recorded["grad_norms"][names.index("memory_projection.key.bias")] < 1e-7
    assert len(names) == len(parameters) - len(recorded["without_grad"])
